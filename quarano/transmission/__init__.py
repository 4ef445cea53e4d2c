"""The pages on transmission: graph, figures, where a case came from."""
