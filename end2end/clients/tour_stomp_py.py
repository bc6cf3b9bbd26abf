"""A tour of STOMP through stomp.py: everything a program needs, once. Prints what came back, in order, as JSON."""

import json
import sys
import threading

import stomp

PATIENCE_SECONDS = 60


class Listener(stomp.ConnectionListener):
    """Notes what comes, and lets others wait for it."""

    def __init__(self):
        self.changed = threading.Condition()
        self.messages, self.receipts, self.errors = [], [], []

    def note(self, what, where):
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def on_message(self, frame):
        self.note(frame, self.messages)

    def on_receipt(self, frame):
        self.note(frame.headers["receipt-id"], self.receipts)

    def on_error(self, frame):
        self.note(f"{frame.headers} {frame.body}", self.errors)

    def wait(self, wish):
        with self.changed:
            came = self.changed.wait_for(lambda: self.errors or wish(), PATIENCE_SECONDS)
        if self.errors or not came:
            sys.exit(f"error: {self.errors or 'it did not come'}; receipts: {self.receipts}")

    def wait_for_receipt(self, receipt):
        self.wait(lambda: receipt in self.receipts)


def main():
    port, login, passcode, send_to, subscribe_to = sys.argv[1:]
    listener = Listener()
    connection = stomp.WSStompConnection([("127.0.0.1", int(port))], ws_path="/ws", heartbeats=(1000, 1000))
    connection.set_listener("", listener)
    connection.connect(login, passcode, wait=True)
    connection.subscribe(subscribe_to, id="tour", ack="client-individual", receipt="subscribe")
    listener.wait_for_receipt("subscribe")
    connection.send(send_to, "하나", receipt="one")
    listener.wait_for_receipt("one")
    listener.wait(lambda: len(listener.messages) == 1)
    connection.ack(listener.messages[0].headers["ack"], receipt="ack")
    listener.wait_for_receipt("ack")
    dropped = connection.begin()
    connection.send(send_to, "둘", transaction=dropped)
    connection.abort(dropped)
    kept = connection.begin()
    connection.send(send_to, "셋", transaction=kept)
    connection.send(send_to, "넷", transaction=kept)
    connection.commit(kept)
    listener.wait(lambda: len(listener.messages) == 3)
    for message in listener.messages[1:]:
        connection.ack(message.headers["ack"])
    connection.unsubscribe("tour", receipt="unsubscribe")
    listener.wait_for_receipt("unsubscribe")
    connection.send(send_to, "다섯", receipt="five")
    listener.wait_for_receipt("five")
    connection.disconnect(receipt="disconnect")
    listener.wait_for_receipt("disconnect")
    print(json.dumps({"heard": [message.body for message in listener.messages], "receipts": listener.receipts}))


main()
