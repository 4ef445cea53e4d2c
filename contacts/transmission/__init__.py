"""Who may have infected whom: the graph, its layout and the figures on it."""
