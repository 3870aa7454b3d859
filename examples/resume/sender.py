#!/usr/bin/env python3
"""Sends a file, or standard input, to a stream of protocol 'resume'.

    sender.py PORT [FILE]

Holds in memory what is not acknowledged, and ends when everything is; see
docs/resume-protocol.md.
"""
import os
import select
import socket
import sys
import time

BLOCK = 65536
LIMIT = 64 * 1024 * 1024        # held at most: then reading waits for ACKs


class Sender:
    def __init__(self, source, identity):
        self.source, self.identity = source, identity
        self.held = bytearray()
        self.base = 0           # offset of the first byte held
        self.acked = 0
        self.known = False      # Weir has acknowledged a byte: it knows the stream
        self.eof = self.shut = False    # the source has ended; Weir was told
        self.peer = None
        self.next = None        # offset of the next byte to send; None: not asked yet

    def end(self):
        return self.base + len(self.held)

    def read_source(self):
        data = os.read(self.source, BLOCK)
        self.held += data
        self.eof = not data
        self.forget()

    def forget(self):           # but what was announced and not sent yet
        n = min(self.acked, self.end() if self.next is None else self.next) - self.base
        if n > 0:
            del self.held[:n]
            self.base += n

    def disconnect(self):
        self.peer.close()
        self.peer = self.next = None

    def resume(self, offset):
        start = offset if self.known else 0     # else it may be an offset of another stream
        self.next = start if start >= self.base else None
        answer = f'ERR {self.base}' if self.next is None else f'DATA {start}'
        self.peer.sendall(f'STREAM {self.identity}\n{answer}\n'.encode())

    def hear(self):
        data = self.peer.recv(BLOCK)
        *lines, self.heard = (self.heard + data).split(b'\n')
        for word, offset in map(bytes.split, lines):
            if word == b'RESUME':
                self.resume(int(offset))
            elif word == b'ACK':
                self.known, self.acked = True, max(self.acked, int(offset))
                self.forget()
        if not data:
            self.disconnect()

    def send(self):
        at = self.next - self.base
        self.next += self.peer.send(self.held[at:at + BLOCK])
        self.forget()
        if self.eof and self.next == self.end():
            self.peer.shutdown(socket.SHUT_WR)  # the stream ends; ACKs still come
            self.shut = True

    def run(self, listener):
        while not self.shut or self.acked < self.end():
            sending = self.next is not None and not self.shut and (self.next < self.end() or self.eof)
            reads = [self.peer or listener]
            if not self.eof and len(self.held) < LIMIT:
                reads.append(self.source)
            readable, writable, _ = select.select(reads, [self.peer] if sending else [], [])
            try:
                if listener in readable:
                    self.peer, self.heard, self.shut = listener.accept()[0], b'', False
                if self.source in readable:
                    self.read_source()
                if self.peer and self.peer in writable:
                    self.send()
                if self.peer and self.peer in readable:
                    self.hear()
            except ConnectionError:
                self.disconnect()


if __name__ == '__main__':
    fd = os.open(sys.argv[2], os.O_RDONLY) if len(sys.argv) > 2 else 0
    file = os.fstat(fd)
    name = f'file:{file.st_dev}:{file.st_ino}' if fd else f'stdin:{os.getpid()}:{time.time_ns()}'
    Sender(fd, name).run(socket.create_server(('127.0.0.1', int(sys.argv[1]))))
