"""A bot for Maru on stomp.py: answers !ping and !시간 in one room, each question once. See ../README.md."""

import json
import os
import queue
import random
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import stomp

LONGEST_PAUSE = 30  # seconds between two attempts to connect


def answer_to(text, asked_at):
    """What the bot says to a message, if anything. The same question gets the same answer, however often it is asked for."""
    if text.strip() == "!ping":
        return "pong"
    if text.strip() in ("!시간", "!time"):
        return datetime.fromtimestamp(asked_at / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    return None


class Lost(Exception):
    """The connection has ended."""


class Connection(stomp.ConnectionListener):
    """One connection. stomp.py calls the `on_` methods on a thread of its own; the queues bring it all to the main one."""

    def __init__(self, url):
        self.messages = queue.Queue()  # of the room
        self.outcomes = queue.Queue()  # what became of our frames: RECEIPTs and refusals
        self.error = None  # the ERROR that the server ended the connection with
        address = urlsplit(url)
        server = (address.hostname, address.port or (443 if address.scheme == "wss" else 80))
        self.stomp = stomp.WSStompConnection([server], ws_path=address.path, heartbeats=(10_000, 10_000), reconnect_attempts_max=1)
        if address.scheme == "wss":
            self.stomp.set_ssl([server])
        self.stomp.set_listener("bot", self)

    def on_connected(self, frame):
        self.me = frame.headers["x-sender"]

    def on_message(self, frame):
        (self.outcomes if frame.headers["subscription"] == "replies" else self.messages).put(frame)

    def on_receipt(self, frame):
        self.outcomes.put(frame)

    def on_error(self, frame):
        self.error = frame

    def on_disconnected(self):
        self.outcomes.put(None)
        self.messages.put(None)

    def outcome(self):
        frame = self.outcomes.get()
        if frame is None:
            raise Lost
        return frame


class Bot:
    def __init__(self, room, position_file):
        self.room = room
        self.file = Path(position_file)

    def position(self):
        """The last message that has been dealt with; none at the very first start."""
        return json.loads(self.file.read_text()) if self.file.exists() else None

    def keep(self, headers):
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps({"epoch": headers["x-epoch"], "offset": headers["x-offset"]}))
        part.replace(self.file)

    def serve(self, connection):
        """Deals with the room's messages, one by one, until the connection ends."""
        last = self.position()
        recovery = {"x-recover-epoch": last["epoch"], "x-recover-offset": last["offset"]} if last else {}
        connection.stomp.subscribe("/user/queue/replies", id="replies")
        connection.stomp.subscribe(f"/topic/rooms.{self.room}", id="room", headers={"receipt": "room", **recovery})
        top = connection.outcome().headers
        if last is None or top["x-recovered"] == "false":
            self.keep(top)  # Nothing is replayed: what comes follows this position.
        print(f"In {self.room}, {top.get('x-replay-count', 0)} messages to catch up with", flush=True)
        for message in iter(connection.messages.get, None):
            headers = message.headers
            if headers["x-sender"] != connection.me and headers["x-type"] == "message":
                text = answer_to(message.body, int(headers["x-ts"]))
                if text is not None:
                    # The id is made from the question's position. Whoever asks for this answer again, after a lost
                    # connection or a crash of the bot, sends the same id, and the room shows it once.
                    self.say(connection, text, f"answer-{headers['message-id']}")
            self.keep(headers)
        raise Lost

    def say(self, connection, text, message_id):
        """Returns when the message stands in the log, or was refused for good."""
        while True:
            headers = {"client-msg-id": message_id, "receipt": message_id}
            connection.stomp.send(f"/app/rooms.{self.room}.send", text, content_type="text/plain", headers=headers)
            outcome = connection.outcome()
            if outcome.cmd == "RECEIPT":
                return
            print(f"Refused, {outcome.headers['x-code']}: {outcome.body}", flush=True)
            if outcome.headers["x-retryable"] != "true":
                return
            time.sleep(int(outcome.headers.get("x-retry-after-ms", 1_000)) / 1000)


def main():
    url = os.environ.get("MARU_URL", "ws://localhost:8080/ws")
    login = os.environ.get("BOT_LOGIN", "python-bot")
    passcode = os.environ.get("BOT_PASSCODE") or sys.exit("Set BOT_PASSCODE to a secret of your choice: with BOT_LOGIN it says who the bot is.")
    bot = Bot(os.environ.get("BOT_ROOM", "general"), os.environ.get("BOT_POSITION", "position.json"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C
    failures = 0
    while True:
        connection = Connection(url)
        try:
            connection.stomp.connect(login, passcode, wait=True)
            failures = 0
            bot.serve(connection)
        except (Lost, stomp.exception.StompException, OSError):
            pass  # stomp.py has logged what there is to say.
        except KeyboardInterrupt:
            # Returns when the server has answered, so all that was sent has arrived.
            connection.stomp.disconnect(receipt="bye")
            return
        pause = random.uniform(0.5, 1) * min(LONGEST_PAUSE, 2**failures)
        if connection.error:
            headers = connection.error.headers
            if headers.get("x-retryable") == "false":
                sys.exit(f"{headers['message']}: {connection.error.body}")
            pause = max(pause, int(headers.get("x-retry-after-ms", 0)) / 1000)
        print(f"Not connected, trying again in {pause:.1f} s", flush=True)
        time.sleep(pause)
        failures += 1


main()
