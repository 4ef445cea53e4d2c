#!/usr/bin/env python
"""Commands act as the owner of the database; web and worker as quarano_app."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quarano.settings")
    os.environ.setdefault("DATABASE_AS", "owner")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
