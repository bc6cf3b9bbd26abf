//! A piece of the page as plain data: an element with its attributes and what is in it, without handlers or signals of its own.
//!
//! Leptos makes a type of every shape of a view and compiles each, for building, hydrating and changing it. What is made of
//! messages has so many shapes that they would be a quarter of the page's program; as data they are one type. Presses and keys
//! arrive at one place further up (`live::actions`). Texts become text nodes, here as there.

use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::types::{Element, Node};
use leptos::tachys::renderer::{CastFrom, Rndr};
use leptos::tachys::view::add_attr::AddAnyAttr;
use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};

const SVG: &str = "http://www.w3.org/2000/svg";

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Markup {
    tag: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Child>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Child {
    Text(String),
    Element(Markup),
}

/// Puts elements together, one call for each piece: what is opened is filled until it is closed.
///
/// The calls are small where they are made, which is what the page's size depends on.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    open: Vec<Markup>,
}

impl Maker {
    /// An element that is never closed: the one that [`finish`](Self::finish) gives.
    pub(crate) fn new(tag: &'static str) -> Self {
        let mut maker = Self::default();
        maker.open(tag);
        maker
    }

    /// Begins an element in the one that is open.
    #[inline(never)]
    pub(crate) fn open(&mut self, tag: &'static str) -> &mut Self {
        self.open.push(Markup {
            tag,
            attributes: Vec::new(),
            children: Vec::new(),
        });
        self
    }

    /// Ends the element that is open.
    #[inline(never)]
    pub(crate) fn close(&mut self) -> &mut Self {
        if let Some(child) = self.open.pop()
            && let Some(parent) = self.open.last_mut()
        {
            parent.children.push(Child::Element(child));
        }
        self
    }

    /// An attribute of the element that is open.
    #[inline(never)]
    pub(crate) fn attr(&mut self, name: &'static str, value: &str) -> &mut Self {
        if let Some(open) = self.open.last_mut() {
            open.attributes.push((name, value.to_owned()));
        }
        self
    }

    /// Its class. The first word of it says what kind of thing this is: kinds do not become each other.
    pub(crate) fn class(&mut self, value: &str) -> &mut Self {
        self.attr("class", value)
    }

    /// A text in the element that is open. Two that follow on each other are one, as they are for the browser.
    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let open = self.open.last_mut().filter(|_| !text.is_empty());
        let Some(Markup { children, .. }) = open else {
            return self;
        };
        if let Some(Child::Text(last)) = children.last_mut() {
            last.push_str(text);
        } else {
            children.push(Child::Text(text.to_owned()));
        }
        self
    }

    /// Begins a button, and says what a press of it means.
    #[inline(never)]
    pub(crate) fn button(&mut self, act: &str) -> &mut Self {
        self.open("button")
            .attr("type", "button")
            .attr("data-act", act)
    }

    /// A whole icon of lines, 24 units wide.
    #[inline(never)]
    pub(crate) fn icon(&mut self, path: &str) -> &mut Self {
        self.open("svg")
            .attr("viewBox", "0 0 24 24")
            .attr("aria-hidden", "true")
            .open("path")
            .attr("d", path)
            .close()
            .close()
    }

    /// The element with all that is in it.
    #[inline(never)]
    pub(crate) fn finish(mut self) -> Markup {
        while self.open.len() > 1 {
            self.close();
        }
        // There is one by `new`.
        self.open.pop().unwrap_or(Markup {
            tag: "span",
            attributes: Vec::new(),
            children: Vec::new(),
        })
    }
}

impl Markup {
    fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|attribute| attribute.0 == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What kind of thing it is. Choices of an emoji do not become those of another: the keyboard may be on one.
    fn kind(&self) -> Option<&str> {
        let class = self.attribute("class");
        class.map_or_else(
            || self.attribute("data-emoji"),
            |class| class.split(' ').next(),
        )
    }

    fn write(&self, html: &mut String) {
        html.push('<');
        html.push_str(self.tag);
        for (name, value) in &self.attributes {
            html.push(' ');
            html.push_str(name);
            html.push_str("=\"");
            escape(value, html);
            html.push('"');
        }
        html.push('>');
        if self.tag == "input" {
            return;
        }
        if self.tag == "pre" {
            // The parser leaves out the first line break.
            html.push('\n');
        }
        for child in &self.children {
            match child {
                Child::Text(text) => escape(text, html),
                Child::Element(child) => child.write(html),
            }
        }
        html.push_str("</");
        html.push_str(self.tag);
        html.push('>');
    }

    fn make(&self) -> Element {
        let is_drawn = matches!(self.tag, "svg" | "path");
        let made = Rndr::create_element(self.tag, is_drawn.then_some(SVG));
        for (name, value) in &self.attributes {
            Rndr::set_attribute(&made, name, value);
        }
        for child in &self.children {
            Rndr::insert_node(&made, &child.make(), None);
        }
        made
    }
}

fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            letter => html.push(letter),
        }
    }
}

impl Child {
    fn make(&self) -> Node {
        match self {
            Self::Text(text) => Rndr::create_text_node(text).into(),
            Self::Element(markup) => markup.make().into(),
        }
    }

    /// Whether one can become the other without being made anew.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(_), Self::Text(_)) => true,
            (Self::Element(one), Self::Element(other)) => {
                one.tag == other.tag && one.kind() == other.kind()
            }
            _ => false,
        }
    }
}

/// Makes an element that shows `old` show `new`; what is alike stays the same element, with the keyboard in it.
fn change(node: &Element, old: &Markup, new: &Markup) {
    if old == new {
        return;
    }
    for (name, value) in &new.attributes {
        if old.attribute(name) != Some(value) {
            Rndr::set_attribute(node, name, value);
        }
    }
    for (name, _) in &old.attributes {
        if new.attribute(name).is_none() {
            Rndr::remove_attribute(node, name);
        }
    }
    let (before, after) = (&old.children, &new.children);
    let shorter = before.len().min(after.len());
    let mut start = 0;
    while start < shorter && before[start].is_like(&after[start]) {
        start += 1;
    }
    let mut end = 0;
    while end < shorter - start
        && before[before.len() - 1 - end].is_like(&after[after.len() - 1 - end])
    {
        end += 1;
    }
    let mut next = Rndr::first_child(node);
    for (index, child) in before.iter().enumerate() {
        let Some(here) = next else { return };
        next = Rndr::next_sibling(&here);
        let counterpart = if index < start {
            index
        } else if index >= before.len() - end {
            if index == before.len() - end {
                insert(node, &after[start..after.len() - end], Some(&here));
            }
            index + after.len() - before.len()
        } else {
            Rndr::remove_node(node, &here);
            continue;
        };
        match (child, &after[counterpart]) {
            (Child::Element(old), Child::Element(new)) => {
                if let Some(here) = Element::cast_from(here) {
                    change(&here, old, new);
                }
            }
            (old, Child::Text(text)) if *old != after[counterpart] => {
                here.set_node_value(Some(text));
            }
            _ => {}
        }
    }
    if end == 0 {
        insert(node, &after[start..], None);
    }
}

fn insert(parent: &Element, children: &[Child], before: Option<&Node>) {
    for child in children {
        Rndr::insert_node(parent, &child.make(), before);
    }
}

/// An element of the page, and what it shows.
pub(crate) struct Shown {
    node: Element,
    markup: Markup,
}

impl Render for Markup {
    type State = Shown;

    fn build(self) -> Shown {
        Shown {
            node: self.make(),
            markup: self,
        }
    }

    fn rebuild(self, shown: &mut Shown) {
        change(&shown.node, &shown.markup, &self);
        shown.markup = self;
    }
}

impl RenderHtml for Markup {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(
        self,
        html: &mut String,
        position: &mut Position,
        _escape: bool,
        _mark_branches: bool,
        _attributes: Vec<AnyAttribute>,
    ) {
        self.write(html);
        *position = Position::NextChild;
    }

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Shown {
        match position.get() {
            Position::FirstChild => cursor.child(),
            Position::Current => {}
            _ => cursor.sibling(),
        }
        position.set(Position::NextChild);
        // What the server wrote stays; where there is something else, it would never be changed, nor break anything.
        let node = Element::cast_from(cursor.current()).unwrap_or_else(|| self.make());
        Shown { node, markup: self }
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl AddAnyAttr for Markup {
    type Output<NewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _attribute: NewAttr) -> Self {
        self
    }
}

impl Mountable for Shown {
    fn unmount(&mut self) {
        self.node.unmount();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        Rndr::insert_node(parent, &self.node, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.node.insert_before_this(child)
    }

    fn elements(&self) -> Vec<Element> {
        vec![self.node.clone()]
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn texts_and_values_are_never_markup() {
        let hostile = "<b a=\"x\">&amp;'";
        let mut maker = Maker::new("a");
        maker.attr("href", hostile).text(hostile);
        let escaped = "&lt;b a=&quot;x&quot;&gt;&amp;amp;'";
        assert_eq!(
            maker.finish().to_html(),
            format!("<a href=\"{escaped}\">{escaped}</a>")
        );
    }

    #[test]
    fn chips_of_one_emoji_do_not_become_those_of_another() {
        let chip = |emoji: &str, count: &str| {
            let mut maker = Maker::new("button");
            maker.attr("data-emoji", emoji).text(count);
            Child::Element(maker.finish())
        };
        assert!(chip("👍", "1").is_like(&chip("👍", "2")));
        assert!(!chip("👍", "1").is_like(&chip("🎉", "1")));
    }

    #[test]
    fn texts_in_a_row_are_one_as_they_are_for_the_browser() {
        let mut maker = Maker::new("p");
        maker.text("").text("a").text("b");
        assert_eq!(maker.finish().children.len(), 1);
        let mut maker = Maker::new("div");
        maker.open("pre").text("\n a").close().open("input");
        assert_eq!(
            maker.finish().to_html(),
            "<div><pre>\n\n a</pre><input></div>"
        );
    }
}
