"""A tour of STOMP through stompman: everything a program needs, once. Prints what came back, in order, as JSON.

stompman gives every SEND, SUBSCRIBE and DISCONNECT a receipt of its own and waits for it.
"""

import asyncio
import contextlib
import json
import sys

import stompman
from stompman.connection_ws import WebSocketConnection

PATIENCE_SECONDS = 60


class Dropped(Exception):
    """Ends a transaction by ABORT."""


async def main():
    port, login, passcode, send_to, subscribe_to = sys.argv[1:]
    heard, errors = asyncio.Queue(), []
    server = stompman.ConnectionParameters(
        host="127.0.0.1", port=int(port), login=login, passcode=passcode, ws_uri_path="/ws"
    )
    async with stompman.Client([server], connection_class=WebSocketConnection, on_error_frame=errors.append) as client:
        subscription = await client.subscribe_with_manual_ack(
            subscribe_to, heard.put, ack="client-individual", receipt_timeout=PATIENCE_SECONDS
        )
        texts = []

        async def hear():
            message = await asyncio.wait_for(heard.get(), PATIENCE_SECONDS)
            texts.append(message.body.decode())
            await message.ack()

        await client.send("하나".encode(), send_to, receipt_timeout=PATIENCE_SECONDS)
        await hear()
        with contextlib.suppress(Dropped):
            async with client.begin() as transaction:
                await transaction.send("둘".encode(), send_to)
                raise Dropped
        async with client.begin() as transaction:
            await transaction.send("셋".encode(), send_to)
            await transaction.send("넷".encode(), send_to)
        await hear()
        await hear()
        await subscription.unsubscribe()
        await client.send("다섯".encode(), send_to, receipt_timeout=PATIENCE_SECONDS)
    if errors or not heard.empty():
        sys.exit(f"error: {errors or 'a message came after unsubscribe'}")
    print(json.dumps({"heard": texts}))


asyncio.run(main())
