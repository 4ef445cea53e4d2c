"""A mailbox on this machine that speaks as much IMAP as the job asks for."""

import re
import socketserver
import threading
from collections.abc import Iterator

import pytest


class Mailbox:
    """Mails by number, with their flags."""

    def __init__(self) -> None:
        self.mails: dict[int, tuple[bytes, set[str]]] = {}
        self.next = 1

    def put(self, raw: bytes) -> None:
        self.mails[self.next] = (raw.replace(b"\n", b"\r\n"), set())
        self.next += 1


class Talk(socketserver.StreamRequestHandler):
    box: Mailbox

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("* OK ready")
        while line := self.rfile.readline().decode().strip():
            tag, _, rest = line.partition(" ")
            words = rest.split()
            command = words[0].upper()
            if command == "UID":
                command = words[1].upper()
            good = getattr(self, f"do_{command.lower()}")(words, rest)
            self.say(f"{tag} {'OK' if good else 'NO'} {command}")
            if command == "LOGOUT":
                return

    def do_capability(self, words: list[str], rest: str) -> bool:
        self.say("* CAPABILITY IMAP4rev1")
        return True

    def do_login(self, words: list[str], rest: str) -> bool:
        return words[1:] == ["reader", '"secret"']

    def do_select(self, words: list[str], rest: str) -> bool:
        self.say(f"* {len(self.box.mails)} EXISTS")
        return True

    def do_search(self, words: list[str], rest: str) -> bool:
        found = [n for n, (_, flags) in self.box.mails.items() if "\\Seen" not in flags]
        self.say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
        return True

    def do_fetch(self, words: list[str], rest: str) -> bool:
        number = int(words[2])
        raw = self.box.mails[number][0]
        self.say(f"* {number} FETCH (UID {number} BODY[]<0> {{{len(raw)}}}")
        self.wfile.write(raw + b")\r\n")
        return True

    def do_store(self, words: list[str], rest: str) -> bool:
        flags = re.search(r"\((.*)\)", rest)
        self.box.mails[int(words[2])][1].update(flags[1].split())
        return True

    def do_expunge(self, words: list[str], rest: str) -> bool:
        for number, (_, flags) in list(self.box.mails.items()):
            if "\\Deleted" in flags:
                del self.box.mails[number]
        return True

    def do_logout(self, words: list[str], rest: str) -> bool:
        self.say("* BYE")
        return True


@pytest.fixture
def mailbox(settings) -> Iterator[Mailbox]:
    box = Mailbox()
    talk = type("Talk", (Talk,), {"box": box})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), talk)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.BOUNCE_IMAP_HOST = "127.0.0.1"
    settings.BOUNCE_IMAP_PORT = server.server_address[1]
    settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD = "reader", "secret"
    settings.BOUNCE_IMAP_TLS = False
    yield box
    server.shutdown()
    server.server_close()
