"""How far a long command is: a bar on a terminal, lines elsewhere."""

from django.core.management.base import OutputWrapper

WIDTH = 30


class Bar:
    """Shows `done` of `total`; on a terminal in one line that is drawn anew."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out = out
        self.is_terminal = out.isatty()
        self.drawn = 0

    def show(self, done: int, total: int, words: str) -> None:
        """Draw the bar, or write a line."""
        if not self.is_terminal:
            self.out.write(f"  {done}/{total} {words}")
            return
        full = WIDTH * done // max(total, 1)
        line = f"[{'#' * full}{'.' * (WIDTH - full)}] {done}/{total} {words}"[:100]
        self.out.write("\r" + line.ljust(self.drawn), ending="")
        self.out.flush()
        self.drawn = len(line)

    def end(self) -> None:
        """Leave the line of the bar."""
        if self.drawn:
            self.out.write("")
            self.drawn = 0
