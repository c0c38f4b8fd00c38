#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""delay.py IF IF MILLISECONDS: a wire with a length. What comes in by one interface of the namespace leaves by the other so much
later, in order; nothing is lost (the kernel here has no netem). Runs until it is ended."""
import collections
import select
import socket
import sys
import time

SO_RCVBUFFORCE, BATCH = 33, 64
ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23


def port(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.bind((interface, 0))
    sock.setblocking(False)
    return sock


def main():
    a, b = port(sys.argv[1]), port(sys.argv[2])
    late = float(sys.argv[3]) / 1000
    waiting = {a: collections.deque(), b: collections.deque()}  # by where it came from
    other = {a: b, b: a}
    while True:
        now = time.monotonic()
        for sock, frames in waiting.items():
            while frames and frames[0][0] <= now:
                try:
                    other[sock].send(frames[0][1])
                except BlockingIOError:
                    break
                frames.popleft()
        due = min((frames[0][0] for frames in waiting.values() if frames), default=None)
        ready, _, _ = select.select([a, b], [], [], None if due is None else max(due - time.monotonic(), 0))
        now = time.monotonic()
        for sock in ready:
            for _ in range(BATCH):
                try:
                    waiting[sock].append((now + late, sock.recv(65536)))
                except BlockingIOError:
                    break


if __name__ == "__main__":
    main()
