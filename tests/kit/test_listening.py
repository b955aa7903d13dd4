"""The socket that a server listens on."""

import socket

import pytest

from backend.kit.listening import listening_socket


def test_a_socket_says_that_it_is_tcp_or_small_answers_would_wait() -> None:
    with listening_socket("127.0.0.1", 0, 5) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_in_use_stays_with_whoever_has_it() -> None:
    with listening_socket("127.0.0.1", 0, 5) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            listening_socket("127.0.0.1", port, 5)
