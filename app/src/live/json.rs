//! JSON as the browser parses it.

use js_sys::{Array, JSON, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::json::Json;

/// Parses a text; nothing if it is no JSON.
pub(super) fn parse(text: &str) -> Option<Value> {
    JSON::parse(text).ok().map(Value)
}

/// A value of the browser.
pub(super) struct Value(JsValue);

impl Json for Value {
    fn field(&self, name: &str) -> Option<Self> {
        let value = Reflect::get(&self.0, &JsValue::from(name)).ok()?;
        (!value.is_null() && !value.is_undefined()).then_some(Self(value))
    }

    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn whole(&self) -> Option<i64> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and the server writes whole numbers"
        )]
        let whole = self.0.as_f64()? as i64;
        Some(whole)
    }

    fn truth(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn list(&self) -> Option<Vec<Self>> {
        let items = self.0.dyn_ref::<Array>()?;
        Some(items.iter().map(Self).collect())
    }
}
