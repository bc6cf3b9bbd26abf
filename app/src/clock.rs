//! How instants are shown: as UTC text until the browser's time zone is known, then as the reader's own.

use leptos::prelude::*;
use protocol::Language;

use crate::civil::Civil;
use crate::i18n::{self, Text};

/// Writes instants (Unix milliseconds) for the reader. Text made from it is made again when the zone becomes known.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    language: Language,
    /// False on the server and during hydration, so that both sides write the same text.
    local: RwSignal<bool>,
}

impl Clock {
    /// A clock that shows UTC.
    pub(crate) fn new(language: Language) -> Self {
        Self {
            language,
            local: RwSignal::new(false),
        }
    }

    /// Shows the browser's time zone from now on.
    #[cfg(feature = "hydrate")]
    pub(crate) fn use_local_zone(self) {
        self.local.set(true);
    }

    /// The civil time of an instant.
    pub(crate) fn civil(self, ts: i64) -> Civil {
        Civil::at(
            ts,
            if self.local.get() {
                zone::offset(ts)
            } else {
                0
            },
        )
    }

    /// The hour and minute: `06:12`, `오후 3:12`, `3:12 PM`.
    pub(crate) fn time(self, ts: i64) -> String {
        if self.local.get() {
            zone::time(self.language, ts)
        } else {
            Civil::at(ts, 0).clock()
        }
    }

    /// A day in words, without the year if it is the reader's current one.
    pub(crate) fn day(self, day: Civil) -> String {
        if self.local.get() {
            zone::day(self.language, day)
        } else {
            i18n::day(self.language, day.year, day.month, day.day, day.weekday)
        }
    }

    /// How many, in the reader's own manner: `1.2만` for twelve thousand.
    pub(crate) fn count(self, count: usize) -> String {
        if count < 1_000 || !self.local.get() {
            count.to_string()
        } else {
            zone::count(self.language, count)
        }
    }

    /// When a room was last active: a time today, a word for yesterday, else a date.
    pub(crate) fn recent(self, ts: i64) -> String {
        if !self.local.get() {
            return Civil::at(ts, 0).date();
        }
        let civil = self.civil(ts);
        let ago = |milliseconds: i64| self.civil(zone::now().saturating_sub(milliseconds));
        if civil.same_day(ago(0)) {
            self.time(ts)
        } else if civil.same_day(ago(86_400_000)) {
            Text::Yesterday.to(self.language).to_owned()
        } else {
            zone::date(self.language, ts)
        }
    }
}

/// What the browser knows about its time zone and the conventions of its user.
#[cfg(feature = "hydrate")]
mod zone {
    use std::cell::OnceCell;

    use js_sys::{Array, Date, Function, Intl, Object, Reflect};
    use protocol::Language;
    use wasm_bindgen::{JsCast, JsValue};

    use crate::civil::Civil;

    /// The instants that JavaScript's `Date` can hold: 100,000,000 days around 1970.
    const LIMIT_MS: i64 = 8_640_000_000_000_000;

    thread_local! {
        /// Making a formatter takes a hundred times as long as using it.
        static TIME: OnceCell<Function> = const { OnceCell::new() };
        static DATE: OnceCell<Function> = const { OnceCell::new() };
    }

    pub(super) fn now() -> i64 {
        whole(Date::now())
    }

    /// Minutes ahead of UTC at an instant.
    pub(super) fn offset(ts: i64) -> i32 {
        // JavaScript counts the minutes behind UTC.
        i32::try_from(-whole(instant(ts).get_timezone_offset())).unwrap_or_default()
    }

    pub(super) fn time(language: Language, ts: i64) -> String {
        TIME.with(|format| {
            let format = format
                .get_or_init(|| formatter(language, &[("hour", "numeric"), ("minute", "2-digit")]));
            write(format, &instant(ts))
        })
    }

    pub(super) fn date(language: Language, ts: i64) -> String {
        DATE.with(|format| {
            let format = format
                .get_or_init(|| formatter(language, &[("month", "short"), ("day", "numeric")]));
            write(format, &instant(ts))
        })
    }

    pub(super) fn count(language: Language, count: usize) -> String {
        let options = options(&[("notation", "compact")]);
        let format = Intl::NumberFormat::new(&locales(language), &options).format();
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        let count = JsValue::from_f64(count as f64);
        write(&format, &count)
    }

    pub(super) fn day(language: Language, day: Civil) -> String {
        let mut parts = vec![
            ("month", "long"),
            ("day", "numeric"),
            ("weekday", "long"),
            ("timeZone", "UTC"),
        ];
        if Civil::at(now(), offset(now())).year != day.year {
            parts.push(("year", "numeric"));
        }
        write(&formatter(language, &parts), &instant(day.noon_utc()))
    }

    fn formatter(language: Language, parts: &[(&str, &str)]) -> Function {
        Intl::DateTimeFormat::new(&locales(language), &options(parts)).format()
    }

    fn options(parts: &[(&str, &str)]) -> Object {
        let options = Object::new();
        for (name, value) in parts {
            // Setting a property of a fresh plain object cannot fail.
            let _ = Reflect::set(&options, &JsValue::from(*name), &JsValue::from(*value));
        }
        options
    }

    fn locales(language: Language) -> Array {
        let locale = locale().unwrap_or_else(|| language.tag().to_owned());
        Array::of1(&JsValue::from(locale))
    }

    /// The user's own variety of the page's language (for example `en-GB`), which the document's first script found.
    fn locale() -> Option<String> {
        let root = web_sys::window()?.document()?.document_element()?;
        root.dyn_ref::<web_sys::HtmlElement>()?
            .dataset()
            .get("locale")
    }

    fn write(format: &Function, value: &JsValue) -> String {
        format
            .call1(&JsValue::UNDEFINED, value)
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default()
    }

    fn instant(ts: i64) -> Date {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the limit is below 2 to the power of 53"
        )]
        let milliseconds = ts.clamp(-LIMIT_MS, LIMIT_MS) as f64;
        Date::new(&JsValue::from_f64(milliseconds))
    }

    fn whole(number: f64) -> i64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and a time is far from the limits"
        )]
        let whole = number as i64;
        whole
    }
}

/// The server knows no zone but UTC, and its clocks stay there.
#[cfg(not(feature = "hydrate"))]
mod zone {
    use protocol::Language;

    use crate::civil::{self, Civil};
    use crate::i18n;

    pub(super) fn now() -> i64 {
        0
    }

    pub(super) fn offset(_: i64) -> i32 {
        0
    }

    pub(super) fn time(_: Language, ts: i64) -> String {
        Civil::at(ts, 0).clock()
    }

    pub(super) fn date(_: Language, ts: i64) -> String {
        civil::utc_datetime(ts)
    }

    pub(super) fn count(_: Language, count: usize) -> String {
        count.to_string()
    }

    pub(super) fn day(language: Language, day: Civil) -> String {
        i18n::day(language, day.year, day.month, day.day, day.weekday)
    }
}
