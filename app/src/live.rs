//! Connects the engine to the browser: sockets, timers, requests, and the frames in which the page changes.
//!
//! The engine decides, [`Live`] carries out. What changes is collected and shown once per animation frame, with the reader
//! kept where they are; a hidden tab has no frames and so does no work.
//!
//! # Layout
//!
//! - [`socket`], [`history`]: the two ways to the server; [`json`]: what it says
//! - [`storage`]: what is kept in the browser until the server has it
//! - [`frames`]: what changes on the page, and when
//! - [`scroll`]: where the reader is, and how they stay there
//! - [`company`]: people and rooms; [`reading`]: how far the person has read; [`midnight`]: the day after
//! - [`actions`]: what the reader does with messages; [`clipboard`]: what they take along
//! - [`bar`], [`announcer`]: what is said about the connection and about messages
//! - [`keyboard`]: the part of the page that a touch keyboard leaves
//! - [`crash`]: when all this has stopped

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::ev;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::mount::hydrate_from;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Action, Position, RoomName, RoomState};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver, VisibilityState};

use crate::chat::{
    Beyond, Changes, ComposeError, Composition, Effect as Task, Engine, Event, PageRequest, Setup,
    Store,
};
use crate::json::{Unreadable, message, passing, room_state};
use crate::room::Talk;
use crate::room::company::RoomList;
use crate::room::feed::{Desk, Feed};
use crate::room::window::Window;

mod actions;
mod announcer;
mod bar;
mod clipboard;
mod company;
mod crash;
mod frames;
mod history;
mod json;
mod keyboard;
mod midnight;
mod reading;
mod scroll;
mod socket;
mod storage;

pub use crash::show_crash;

use announcer::Announcer;
use bar::Bar;
use reading::Reading;
use socket::Socket;
use storage::Shared;

/// How long the end is held after the reader asked for it, in milliseconds: longer than browsers let a movement run on.
const JUMP_MS: u64 = 600;
/// A timer that is late by more than this was asleep with the computer, in milliseconds.
const SLEPT_MS: u64 = 10_000;

/// Takes the page over from the server: the state stands in the document.
pub fn hydrate() {
    let document = document();
    let part = |id| {
        let root = document.get_element_by_id(id);
        root.and_then(|root| root.dyn_into::<HtmlElement>().ok())
    };
    let Some((root, list)) = part("maru").zip(part("rooms")) else {
        return leptos::logging::error!("the page has nothing to be hydrated");
    };
    let island = document
        .get_element_by_id("maru-state")
        .and_then(|island| island.text_content());
    let Some(island) = island.and_then(|text| json::parse(&text)) else {
        return leptos::logging::error!("the page has no state");
    };
    match room_state(&island) {
        Ok(state) => take_over(root, list, state),
        Err(Unreadable(field)) => {
            leptos::logging::error!("the page's state cannot be read: its {field}");
        }
    }
}

/// Two parts of the page are taken over; the rest is links and forms, which need no program.
fn take_over(root: HtmlElement, list: HtmlElement, state: RoomState) {
    let owner = Owner::new();
    let feed = owner.with(|| Feed::new(&state));
    let current = state.room.clone();
    hydrate_from(list, move || view! { <RoomList feed current /> }).forget();
    hydrate_from(root, move || {
        attach(feed, &state);
        let RoomState {
            viewer,
            room,
            notice,
            ..
        } = state;
        view! { <Talk feed room writes=viewer.person.is_some() notice /> }
    })
    .forget();
    // The signals live as long as the page.
    std::mem::forget(owner);
}

/// Brings a room to life as soon as its view has been hydrated.
fn attach(feed: Feed, state: &RoomState) {
    let state = RefCell::new(Some(state.clone()));
    Effect::new(move |_| {
        // Set when the view has been hydrated; the state is taken once.
        if let Some(timeline) = feed.timeline.get()
            && let Some(state) = state.take()
        {
            let live = Live::new(feed, state);
            feed.open_desk(Rc::clone(&live) as Rc<dyn Desk>);
            live.listen(&timeline);
            feed.clock.use_local_zone();
            live.await_midnight();
            // Days are the reader's from here on.
            live.redraw();
            live.look_after_storage();
            live.dispatch(Event::Start);
            declare_hydrated();
        }
    });
}

/// For programs that look at the page and for those that measure it.
fn declare_hydrated() {
    if let Some(performance) = window().performance() {
        let _ = performance.mark("hydrated");
    }
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-hydrated", "true");
    }
}

/// The page's clock in Unix milliseconds.
fn now() -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; times are neither"
    )]
    let now = js_sys::Date::now() as u64;
    now
}

/// Fills with numbers that nobody else has.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = window()
        .crypto()
        .and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    if filled.is_err() {
        for byte in &mut bytes {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "below 256"
            )]
            let drawn = (js_sys::Math::random() * 256.0) as u8;
            *byte = drawn;
        }
    }
    bytes
}

/// The open room.
struct Live {
    feed: Feed,
    room: RoomName,
    engine: RefCell<Engine>,
    /// Nothing for a reader without a nickname, who sends nothing.
    store: RefCell<Option<Store<Shared>>>,
    /// The page that this tab showed before.
    before: Cell<Option<String>>,
    socket: RefCell<Option<Socket>>,
    wake_up: RefCell<Option<TimeoutHandle>>,
    window: Cell<Window>,
    /// Whether the reader is at the end and goes along with it.
    follows: Cell<bool>,
    /// Until when a movement that was under way must not carry the reader away from the end, by the page's clock.
    holds_until: Cell<u64>,
    /// The message that the reader came to see.
    focus: Cell<Option<Position>>,
    /// Whether the next frame shows the message that the reader came to see.
    seeks: Cell<bool>,
    /// What changed since the last frame.
    changes: Cell<Changes>,
    frame_is_due: Cell<bool>,
    /// The message that was the first to arrive out of sight.
    unseen_from: Cell<Option<Position>>,
    reading: Reading,
    bar: Rc<Bar>,
    announcer: Rc<Announcer>,
}

impl Live {
    fn new(feed: Feed, state: RoomState) -> Rc<Self> {
        let RoomState {
            viewer,
            room,
            epoch,
            head,
            history,
            focus,
            read,
            rooms,
            ..
        } = state;
        let person = viewer.person.as_ref();
        let (store, before) = person
            .map(|person| storage::open(person.uid.clone()))
            .unzip();
        let host = window().location().host().unwrap_or_default();
        let seed = u64::from_le_bytes(random());
        let setup = Setup {
            room: room.clone(),
            me: viewer.person,
            epoch,
            head,
            history,
            read,
            rooms,
            host,
            seed,
            parse_message: |text| message(&json::parse(text)?).ok(),
            parse_passing: |text| passing(&json::parse(text)?),
        };
        let engine = Engine::new(setup);
        let shown = Cell::new(Window::new(engine.rows().len()));
        Rc::new(Self {
            feed,
            room,
            engine: RefCell::new(engine),
            store: RefCell::new(store),
            before: Cell::new(before.flatten()),
            socket: RefCell::default(),
            wake_up: RefCell::default(),
            window: shown,
            follows: Cell::new(true),
            holds_until: Cell::new(0),
            focus: Cell::new(focus),
            seeks: Cell::new(false),
            changes: Cell::default(),
            frame_is_due: Cell::new(false),
            unseen_from: Cell::default(),
            reading: Reading::default(),
            bar: Bar::new(feed),
            announcer: Announcer::new(feed),
        })
    }

    /// Hears what happens to the page from now on.
    fn listen(self: &Rc<Self>, timeline: &HtmlElement) {
        let at_end = self.engine.borrow().newer() == Beyond::None;
        self.follows
            .set(at_end && scroll::Place::of(timeline).follows());
        self.count_unread();
        self.watch_reader();
        let tell = |event: fn() -> Event| {
            let live = Rc::clone(self);
            move || live.dispatch(event())
        };
        let (wake, online, offline) = (
            tell(|| Event::Wake),
            tell(|| Event::Online),
            tell(|| Event::Offline),
        );
        let shown = wake.clone();
        window_event_listener(ev::visibilitychange, move |_| {
            if document().visibility_state() == VisibilityState::Visible {
                wake();
            }
        });
        window_event_listener(ev::pageshow, move |event| {
            if event.persisted() {
                shown();
            }
        });
        window_event_listener(ev::online, move |_| online());
        window_event_listener(ev::offline, move |_| offline());

        if let Some(stage) = timeline.parent_element() {
            actions::listen(Rc::clone(self), &stage);
        }
        let live = Rc::clone(self);
        listener(timeline, "scroll", move || live.scrolled());
        for name in ["wheel", "touchmove", "keydown"] {
            let live = Rc::clone(self);
            listener(timeline, name, move || live.holds_until.set(0));
        }
        let live = Rc::clone(self);
        watch_size(timeline, move || live.resized());
        if let Some(viewport) = window().visual_viewport() {
            let shown = viewport.clone();
            listener(&viewport, "resize", move || keyboard::make_room(&shown));
        }
    }

    /// Tells the engine what happened and carries out what it asks for.
    fn dispatch(self: &Rc<Self>, event: Event) {
        self.tend_after_sleep();
        let tasks = self.engine.borrow_mut().handle(now(), event);
        self.carry_out(tasks);
    }

    fn carry_out(self: &Rc<Self>, tasks: Vec<Task>) {
        let mut not_kept = Vec::new();
        for task in tasks {
            match task {
                Task::Connect { generation } => self.connect(generation),
                Task::Disconnect { generation } => {
                    self.socket
                        .borrow_mut()
                        .take_if(|socket| socket.generation() == generation);
                }
                Task::Store(entry) => {
                    if !self.keep(&entry) {
                        not_kept.push(entry.id);
                    }
                }
                Task::Forget { id } => self.forget(&id),
                Task::Transmit { generation, text } => {
                    if let Some(socket) = &*self.socket.borrow()
                        && socket.generation() == generation
                    {
                        socket.send(&text);
                    }
                }
                Task::WakeAfter(wait) => self.wake_after(wait),
                Task::Fetch(request) => self.fetch(request),
                Task::Changed(changes) => {
                    self.tell_company(changes);
                    self.collect(changes);
                }
            }
        }
        for id in not_kept {
            self.dispatch(Event::NotKept { id });
        }
    }

    fn connect(self: &Rc<Self>, generation: u64) {
        let live = Rc::clone(self);
        let tell: Rc<dyn Fn(Event)> = Rc::new(move |event| live.dispatch(event));
        let location = window().location();
        let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") {
            "wss"
        } else {
            "ws"
        };
        let url = format!("{scheme}://{}/ws", location.host().unwrap_or_default());
        // The old socket goes first, so that the two never count as two.
        self.socket.take();
        match Socket::open(&url, generation, Rc::clone(&tell)) {
            Ok(socket) => *self.socket.borrow_mut() = Some(socket),
            Err(_) => set_timeout(move || tell(Event::Closed { generation }), Duration::ZERO),
        }
    }

    fn wake_after(self: &Rc<Self>, wait: Duration) {
        let live = Rc::clone(self);
        let due = now().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let ring = move || {
            if now() > due.saturating_add(SLEPT_MS) {
                live.dispatch(Event::Wake);
            }
            live.dispatch(Event::Tick);
        };
        let timer = set_timeout_with_handle(ring, wait).ok();
        if let Some(before) = self.wake_up.replace(timer) {
            before.clear();
        }
    }

    fn fetch(self: &Rc<Self>, request: PageRequest) {
        let live = Rc::clone(self);
        spawn_local(async move {
            let page = history::fetch(&live.room, request).await;
            live.dispatch(match page {
                Some(page) => Event::Fetched { request, page },
                None => Event::FetchFailed { request },
            });
        });
    }
}

impl Desk for Live {
    fn compose(self: Rc<Self>, composition: Composition) -> Result<(), ComposeError> {
        self.tend_after_sleep();
        let speaks = composition.action == Action::Send;
        let tasks = self
            .engine
            .borrow_mut()
            .compose(now(), composition, random())?;
        // Whoever speaks wants to see it.
        if speaks {
            self.go_to_end();
        }
        self.carry_out(tasks);
        Ok(())
    }

    fn tell(self: Rc<Self>, event: Event) {
        self.dispatch(event);
    }
}

/// Calls back whenever an event happens, for as long as the page exists.
fn listener(target: &web_sys::EventTarget, event: &str, then: impl Fn() + 'static) {
    let then = Closure::<dyn Fn()>::new(then);
    // Fails for no event name.
    let _ = target.add_event_listener_with_callback(event, then.as_ref().unchecked_ref());
    then.forget();
}

/// Calls back whenever the element or the list in it changes its size.
fn watch_size(timeline: &web_sys::Element, then: impl Fn() + 'static) {
    let then = Closure::<dyn Fn()>::new(then);
    if let Ok(observer) = ResizeObserver::new(then.as_ref().unchecked_ref()) {
        observer.observe(timeline);
        if let Some(list) = timeline.last_element_child() {
            observer.observe(&list);
        }
    }
    then.forget();
}
