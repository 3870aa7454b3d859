"""A TLS sender for Weir::TlsSender: serves one peer after the other.

tls_sender.py PORT CERTIFICATE [VERSION [AUTHORITY]]

While a peer is connected it obeys the lines of its input: "send HEX", "finish"
(close_notify, then the end).  It says "listening" when it is.
"""
import select
import socket
import ssl
import sys
import warnings

port, certificate = int(sys.argv[1]), sys.argv[2]
warnings.simplefilter('ignore')
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate + '.crt', certificate + '.key')
if len(sys.argv) > 3 and sys.argv[3]:
    version = getattr(ssl.TLSVersion, sys.argv[3])
    if version < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = context.maximum_version = version
if len(sys.argv) > 4:
    context.load_verify_locations(sys.argv[4])
    context.verify_mode = ssl.CERT_REQUIRED


def serve(peer):
    while True:
        ready, _, _ = select.select([peer, sys.stdin.buffer], [], [])
        if peer in ready and not peer.recv(4096):
            return
        if sys.stdin.buffer in ready:
            verb, *rest = sys.stdin.buffer.readline().split() or [b'exit']
            if verb == b'send':
                peer.sendall(bytes.fromhex(rest[0].decode()))
                continue
            if verb == b'finish':
                try:
                    peer.unwrap()
                except OSError:
                    pass
            sys.exit(0)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('127.0.0.1', port))
listener.listen()
print('listening', flush=True)
while True:
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as peer:
            serve(peer)
    except OSError:
        pass
