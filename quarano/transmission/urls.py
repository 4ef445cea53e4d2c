from django.urls import path

from quarano.transmission import views

app_name = "transmission"

urlpatterns = [
    path("transmission/", views.graph, name="graph"),
    path("transmission/elements/", views.elements, name="elements"),
    path("transmission/export/", views.export_graph, name="export_graph"),
    path("figures/", views.figures_page, name="figures"),
    path("figures/<slug:text>/export/", views.export_figure, name="export_figure"),
]
