import socket

from emomusic.server import asgi


def test_the_body_of_an_answer_does_not_wait_for_its_head() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # names no protocol, as Streamlit's
        asgi.send_at_once()
        with socket.create_connection(server.getsockname()), server.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
