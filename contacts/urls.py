from django.urls import path

from contacts import views, views_list, views_own

app_name = "contacts"
urlpatterns = [
    path("", views_list.index, name="index"),
    path("bulk/", views_list.bulk, name="bulk"),
    # A person's file
    path("people/<uuid:pk>/", views.of_person, name="of_person"),
    path("people/<uuid:pk>/name/", views.name, name="name"),
    path("people/<uuid:pk>/nobody/", views.met_nobody, name="met_nobody"),
    path("people/<uuid:pk>/accept/", views.accept_all, name="accept_all"),
    path("people/<uuid:pk>/immunity/", views.immunity, name="immunity"),
    # A contact
    path("contacts/<uuid:pk>/accept/", views.accept, name="accept"),
    path("contacts/<uuid:pk>/review/", views.review, name="review"),
    path("contacts/<uuid:pk>/edit/", views.edit, name="edit"),
    path("contacts/<uuid:pk>/told/", views.tell, name="tell"),
    path("contacts/<uuid:pk>/dismiss/", views.dismiss, name="dismiss"),
    path("contacts/<uuid:pk>/bring-back/", views.bring_back, name="bring_back"),
    path("contacts/<uuid:pk>/take-over/", views.take_over, name="take_over"),
    path("exposures/<uuid:pk>/edit/", views.edit_exposure, name="edit_exposure"),
    path("exposures/<uuid:pk>/withdraw/", views.withdraw, name="withdraw"),
    # The citizen's own pages
    path("mine/<uuid:person>/", views_own.own, name="own"),
    path("mine/<uuid:person>/name/", views_own.own_name, name="own_name"),
    path("mine/<uuid:person>/nobody/", views_own.own_nobody, name="own_nobody"),
    path("mine/<uuid:person>/change/", views_own.own_edit, name="own_edit"),
    path("mine/<uuid:person>/take-back/", views_own.own_withdraw, name="own_withdraw"),
    path("enrolment/", views_own.asked, name="asked"),
]
