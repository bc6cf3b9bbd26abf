//! Counters that share a name and differ in a label whose values are known beforehand.

use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What tells the counters of a family apart.
pub trait Label: Copy + Sized + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// All its values.
    const ALL: &'static [Self];

    /// The label's value.
    fn as_str(self) -> &'static str;
}

/// One counter for each value of a label. Clones count together.
#[derive(Debug)]
pub struct Counters<L> {
    family: Family<[(&'static str, &'static str); 1], Counter>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Counters<L> {
    /// Counts one.
    pub fn add(&self, label: L) {
        self.family
            .get_or_create(&[(L::NAME, label.as_str())])
            .inc();
    }

    /// How many were counted.
    pub fn get(&self, label: L) -> u64 {
        self.family
            .get_or_create(&[(L::NAME, label.as_str())])
            .get()
    }

    pub(super) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

impl<L: Label> Default for Counters<L> {
    fn default() -> Self {
        let family = Family::default();
        for label in L::ALL {
            drop(family.get_or_create(&[(L::NAME, label.as_str())]));
        }
        Self {
            family,
            label: PhantomData,
        }
    }
}

impl<L> Clone for Counters<L> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            label: PhantomData,
        }
    }
}

/// Two gauges over many things: what they are together, and the largest.
#[derive(Clone, Debug)]
pub struct SumAndMax {
    family: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl SumAndMax {
    /// Looks at all of them anew.
    pub fn set(&self, each: impl Iterator<Item = i64>) {
        let (sum, max) = each.fold((0, 0), |(sum, max), one| (sum + one, one.max(max)));
        self.family.get_or_create(&[("of", "sum")]).set(sum);
        self.family.get_or_create(&[("of", "max")]).set(max);
    }

    pub(super) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

impl Default for SumAndMax {
    fn default() -> Self {
        let empty = Self {
            family: Family::default(),
        };
        empty.set(std::iter::empty());
        empty
    }
}

/// Makes an enumeration a [`Label`], from its variants and their words.
macro_rules! label {
    (
        $(#[doc = $about:literal])*
        $name:ident as $label:literal {
            $(#[doc = $meaning:literal] $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $meaning] $variant,)*
        }

        impl $crate::metrics::Label for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

pub(super) use label;
