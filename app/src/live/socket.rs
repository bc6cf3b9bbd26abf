//! A WebSocket that speaks of itself by its generation, and falls silent when it is dropped.

use std::rc::Rc;

use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, MessageEvent, WebSocket};

use crate::chat::Event;

/// An open or opening socket. Dropping it takes its handlers away and closes it; a dead one may never say that it is closed.
///
/// Written on the browser's own type, because the engine wants to hear when the socket opens.
pub(super) struct Socket {
    generation: u64,
    inner: WebSocket,
    /// Kept for as long as the browser may call them.
    _handlers: [Closure<dyn FnMut(JsValue)>; 4],
}

impl Socket {
    /// Starts to connect. `tell` hears of everything that happens from now on.
    pub(super) fn open(
        url: &str,
        generation: u64,
        tell: Rc<dyn Fn(Event)>,
    ) -> Result<Self, JsValue> {
        let socket = WebSocket::new_with_str(url, "v12.stomp")?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let handler = |event: Box<dyn Fn(JsValue) -> Option<Event>>| {
            let tell = Rc::clone(&tell);
            Closure::<dyn FnMut(JsValue)>::new(move |argument| {
                if let Some(event) = event(argument) {
                    tell(event);
                }
            })
        };
        let handlers = [
            handler(Box::new(move |_| Some(Event::Opened { generation }))),
            handler(Box::new(move |message| {
                bytes_of(&message).map(|bytes| Event::Received { generation, bytes })
            })),
            handler(Box::new(move |_| Some(Event::Closed { generation }))),
            handler(Box::new(move |_| Some(Event::Closed { generation }))),
        ];
        let [on_open, on_message, on_error, on_close] = &handlers;
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            generation,
            inner: socket,
            _handlers: handlers,
        })
    }

    /// The name of this socket.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Sends a text message. What cannot be sent is lost with the socket; the engine finds out by the missing answer.
    pub(super) fn send(&self, text: &str) {
        let _ = self.inner.send_with_str(text);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onopen(None);
        self.inner.set_onmessage(None);
        self.inner.set_onerror(None);
        self.inner.set_onclose(None);
        let _ = self.inner.close();
    }
}

/// What a message event carries, text or binary.
fn bytes_of(event: &JsValue) -> Option<Bytes> {
    let data = event.dyn_ref::<MessageEvent>()?.data();
    match data.as_string() {
        Some(text) => Some(Bytes::from(text)),
        None => data
            .dyn_ref::<ArrayBuffer>()
            .map(|buffer| Bytes::from(Uint8Array::new(buffer).to_vec())),
    }
}
