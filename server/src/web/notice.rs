//! Why a form was refused, as a word in an address and as a sentence for people.

use protocol::Language;
use protocol::room::RoomNameError;
use serde::{Deserialize, Serialize};

use crate::names::NicknameError;

/// Why a form was refused; travels in the address of the page that shows the form again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// No nickname was given.
    NicknameEmpty,
    /// The nickname is too long.
    NicknameTooLong,
    /// The nickname has characters that cannot be seen.
    NicknameInvisible,
    /// The nickname looks like one of the house.
    NicknameReserved,
    /// The nickname mixes alphabets that look alike.
    NicknameMixed,
    /// No room name was given.
    RoomEmpty,
    /// The room name is too long.
    RoomTooLong,
    /// The room name has other characters than letters, digits and `-`.
    RoomCharacter,
}

impl Notice {
    /// The sentence for people.
    pub fn sentence(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::Ko, Self::NicknameEmpty) => "별명을 한 글자 이상 적어 주세요.",
            (Language::En, Self::NicknameEmpty) => {
                "Please write a nickname of at least one character."
            }
            (Language::Ko, Self::NicknameTooLong) => "별명은 20자까지 쓸 수 있습니다.",
            (Language::En, Self::NicknameTooLong) => "A nickname has at most 20 characters.",
            (Language::Ko, Self::NicknameInvisible) => {
                "별명에는 보이지 않는 글자를 쓸 수 없습니다."
            }
            (Language::En, Self::NicknameInvisible) => "A nickname has no invisible characters.",
            (Language::Ko, Self::NicknameReserved) => {
                "운영자로 오해할 수 있는 별명은 쓸 수 없습니다. 다른 별명을 적어 주세요."
            }
            (Language::En, Self::NicknameReserved) => {
                "This nickname could be taken for the server's operators. Please choose another."
            }
            (Language::Ko, Self::NicknameMixed) => {
                "별명에는 모양이 비슷한 서로 다른 문자(예: 로마자와 키릴 문자)를 섞어 쓸 수 없습니다."
            }
            (Language::En, Self::NicknameMixed) => {
                "A nickname does not mix alphabets that look alike, such as Latin and Cyrillic."
            }
            (Language::Ko, Self::RoomEmpty) => "방 이름을 한 글자 이상 적어 주세요.",
            (Language::En, Self::RoomEmpty) => {
                "Please write a room name with at least one letter or digit."
            }
            (Language::Ko, Self::RoomTooLong) => "방 이름은 40자까지 쓸 수 있습니다.",
            (Language::En, Self::RoomTooLong) => "A room name has at most 40 characters.",
            (Language::Ko, Self::RoomCharacter) => {
                "방 이름에는 글자, 숫자, -만 쓸 수 있습니다. 띄어쓰기 대신 -를 써 주세요."
            }
            (Language::En, Self::RoomCharacter) => {
                "A room name has letters, digits and - only. Write - instead of a space."
            }
        }
    }

    /// The word in the address.
    pub fn code(self) -> &'static str {
        match self {
            Self::NicknameEmpty => "nickname-empty",
            Self::NicknameTooLong => "nickname-too-long",
            Self::NicknameInvisible => "nickname-invisible",
            Self::NicknameReserved => "nickname-reserved",
            Self::NicknameMixed => "nickname-mixed",
            Self::RoomEmpty => "room-empty",
            Self::RoomTooLong => "room-too-long",
            Self::RoomCharacter => "room-character",
        }
    }
}

impl From<NicknameError> for Notice {
    fn from(error: NicknameError) -> Self {
        match error {
            NicknameError::Empty => Self::NicknameEmpty,
            NicknameError::TooLong => Self::NicknameTooLong,
            NicknameError::Invisible => Self::NicknameInvisible,
            NicknameError::Reserved => Self::NicknameReserved,
            NicknameError::Mixed => Self::NicknameMixed,
        }
    }
}

impl From<RoomNameError> for Notice {
    fn from(error: RoomNameError) -> Self {
        match error {
            RoomNameError::Empty | RoomNameError::NoLetter => Self::RoomEmpty,
            RoomNameError::TooLong => Self::RoomTooLong,
            RoomNameError::Character(_) | RoomNameError::UpperCase => Self::RoomCharacter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_survive_the_address() {
        for notice in [
            Notice::NicknameEmpty,
            Notice::NicknameTooLong,
            Notice::NicknameInvisible,
            Notice::NicknameReserved,
            Notice::NicknameMixed,
            Notice::RoomEmpty,
            Notice::RoomTooLong,
            Notice::RoomCharacter,
        ] {
            assert_eq!(
                serde_json::from_str::<Notice>(&format!("{:?}", notice.code())).unwrap(),
                notice
            );
        }
    }
}
