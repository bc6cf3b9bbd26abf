//! The `heart-beat` header, and what two peers agree on. All numbers are milliseconds; nothing here knows a clock.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The value of a `heart-beat` header, from the side of who sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeartBeat {
    /// It can send something at least this often; 0: it cannot.
    pub sends: u32,
    /// It wants to receive something at least this often; 0: it does not care.
    pub wants: u32,
}

/// The value is not two non-negative integers with a comma between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "A heart-beat header is two numbers of milliseconds with a comma between them, such as 10000,10000."
)]
pub struct HeartBeatError;

impl FromStr for HeartBeat {
    type Err = HeartBeatError;

    /// Reads a header's value: digits, a comma, digits, nothing else.
    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let (sends, wants) = value.split_once(',').ok_or(HeartBeatError)?;
        Ok(Self {
            sends: milliseconds(sends)?,
            wants: milliseconds(wants)?,
        })
    }
}

/// More than 49 days say the same as 49 days.
fn milliseconds(digits: &str) -> Result<u32, HeartBeatError> {
    if digits.is_empty() || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(HeartBeatError);
    }
    Ok(digits.parse().unwrap_or(u32::MAX))
}

impl fmt::Display for HeartBeat {
    /// Writes a header's value.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.sends, self.wants)
    }
}

impl HeartBeat {
    /// The header's value, or `0,0` without one.
    pub fn from_header(value: Option<&str>) -> Result<Self, HeartBeatError> {
        value.map_or(Ok(Self::default()), str::parse)
    }

    /// What a server answers: it offers what the client wants and wants what the client offers, both within `bounds`.
    /// What is 0 stays 0.
    #[must_use]
    pub fn answer(self, bounds: RangeInclusive<u32>) -> Self {
        let within = |wish: u32| {
            if wish == 0 {
                0
            } else {
                wish.clamp(*bounds.start(), *bounds.end())
            }
        };
        Self {
            sends: within(self.wants),
            wants: within(self.sends),
        }
    }

    /// What holds between the sender of this header and a peer that sent `peer`.
    pub fn agree(self, peer: Self) -> Agreement {
        Agreement {
            send_every: slower(self.sends, peer.wants),
            receive_every: slower(peer.sends, self.wants),
        }
    }
}

/// How often something has to come, at least, in each direction; `None`: no heart-beats in that direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Milliseconds within which this side has to send something.
    pub send_every: Option<u32>,
    /// Milliseconds within which the peer has to send something, before any tolerance.
    pub receive_every: Option<u32>,
}

fn slower(can: u32, wish: u32) -> Option<u32> {
    (can != 0 && wish != 0).then(|| can.max(wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: RangeInclusive<u32> = 1_000..=60_000;

    fn beat(sends: u32, wants: u32) -> HeartBeat {
        HeartBeat { sends, wants }
    }

    #[test]
    fn item_70_two_non_negative_integers() {
        for (value, read) in [
            ("0,0", beat(0, 0)),
            ("10000,20000", beat(10_000, 20_000)),
            ("007,1", beat(7, 1)),
            ("99999999999999999999,1", beat(u32::MAX, 1)),
        ] {
            assert_eq!(value.parse(), Ok(read), "{value:?}");
        }
        assert_eq!(beat(10, 20).to_string(), "10,20");
    }

    #[test]
    fn item_70_anything_else_is_an_error() {
        for value in [
            "", ",", "10", "10,", ",10", "10,10,20", "a,10", "10,a", "-1,0", "+1,0", "1, 2",
            " 1,2", "1.5,2", "٣,1",
        ] {
            assert_eq!(value.parse::<HeartBeat>(), Err(HeartBeatError), "{value:?}");
        }
    }

    #[test]
    fn item_70_absent_is_none_both_ways() {
        assert_eq!(HeartBeat::from_header(None), Ok(beat(0, 0)));
        assert_eq!(HeartBeat::from_header(Some("1,2")), Ok(beat(1, 2)));
        assert_eq!(HeartBeat::from_header(Some("x")), Err(HeartBeatError));
    }

    #[test]
    fn item_71_the_slower_wish_holds_unless_either_is_zero() {
        let agreement = |send_every, receive_every| Agreement {
            send_every,
            receive_every,
        };
        for (own, peer, agreed) in [
            (beat(0, 0), beat(0, 0), agreement(None, None)),
            (beat(10, 20), beat(0, 0), agreement(None, None)),
            (beat(10, 20), beat(30, 40), agreement(Some(40), Some(30))),
            (beat(50, 60), beat(30, 40), agreement(Some(50), Some(60))),
            (beat(10, 0), beat(30, 40), agreement(Some(40), None)),
            (beat(0, 20), beat(30, 40), agreement(None, Some(30))),
        ] {
            assert_eq!(own.agree(peer), agreed, "{own} {peer}");
        }
    }

    #[test]
    fn item_74_the_answer_echoes_within_bounds() {
        for (client, answer) in [
            (beat(0, 0), beat(0, 0)),
            (beat(50, 60), beat(1_000, 1_000)),
            (beat(10_000, 20_000), beat(20_000, 10_000)),
            (beat(0, 10_000), beat(10_000, 0)),
            (beat(u32::MAX, 1), beat(1_000, 60_000)),
        ] {
            assert_eq!(client.answer(BOUNDS), answer, "{client}");
        }
    }
}
