"""A guest in a room through stomp.py: sends the lines of its standard input, prints what happens as lines of JSON."""

import json
import sys

import stomp


def say(**event):
    print(json.dumps(event, ensure_ascii=False), flush=True)


class Listener(stomp.ConnectionListener):
    def on_receipt(self, frame):
        say(event="stored" if frame.headers["receipt-id"].startswith("send") else "subscribed", headers=frame.headers)

    def on_message(self, frame):
        say(event="message", text=frame.body, name=frame.headers.get("x-sender-name"))

    def on_error(self, frame):
        say(event="error", text=frame.body, headers=frame.headers)


def main():
    port, room, login = sys.argv[1:]
    connection = stomp.WSStompConnection([("127.0.0.1", int(port))], ws_path="/ws")
    connection.set_listener("", Listener())
    connection.connect(login, "", wait=True)
    connection.subscribe(f"/topic/rooms.{room}", id="room", ack="auto", headers={"receipt": "subscribe"})
    for number, line in enumerate(sys.stdin):
        connection.send(f"/app/rooms.{room}.send", line.rstrip("\n"), headers={"receipt": f"send-{number}"})
    connection.disconnect()


main()
