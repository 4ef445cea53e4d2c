"""An invented outbreak, played through the processes: for demo, practice and bench."""
