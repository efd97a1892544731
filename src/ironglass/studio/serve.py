"""The studio, from opened models to a page that is served until Ctrl-C."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence

from ironglass.errors import InputError
from ironglass.studio.app import Studio
from ironglass.studio.load import Opened
from ironglass.studio.server import Server


def serve(opened: Sequence[Opened], *, port: int = 0, browser: bool = True) -> None:
    """Prints the address of the page, opens it, and answers until Ctrl-C.

    port: on 127.0.0.1; 0 for any free one. Raises InputError where the port is not free.
    """
    try:
        server = Server(Studio(opened), port)
    except OSError as error:
        raise InputError(f"port {port}: {error.strerror}; leave --port out for a free one") from error
    with server:
        print(f"ironglass studio: {server.address}", flush=True)
        print("Whoever has this address can use it, from this machine alone. Ctrl-C ends it.", flush=True)
        if browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # how a studio ends
            print("ended", flush=True)
