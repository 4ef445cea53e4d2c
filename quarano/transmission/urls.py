from django.urls import path

from quarano.transmission import views, views_source

app_name = "transmission"

urlpatterns = [
    path("transmission/", views.graph, name="graph"),
    path("transmission/elements/", views.elements, name="elements"),
    path("transmission/export/", views.export_graph, name="export_graph"),
    path("transmission/cases/<uuid:pk>/source/", views_source.source, name="source"),
    path(
        "transmission/cases/<uuid:pk>/source/link/",
        views_source.link_source,
        name="link_source",
    ),
    path(
        "transmission/cases/<uuid:pk>/source/reject/",
        views_source.reject_source,
        name="reject_source",
    ),
    path("figures/", views.figures_page, name="figures"),
    path("figures/<slug:text>/export/", views.export_figure, name="export_figure"),
]
