//! Every sentence of the pages, in Korean and English.
//!
//! Each [`Text`] is matched once with both languages side by side, so a missing translation does not compile. Names of people
//! take `님`, which ends in a consonant: no particle has to be chosen after them.

use protocol::Language;

mod particle;
mod people;

pub use people::{moves, not_read_by, online, people, typing, unread};

/// A sentence or label without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// What the whole thing is called.
    AppName,
    /// Heading of the list of rooms, and what its landmark is called.
    Rooms,
    /// Where a skip link leads.
    SkipToComposer,
    /// Back from a room to the list.
    BackToRooms,
    /// Opens the form that makes or joins a room.
    NewRoom,
    /// Label of the room name field.
    RoomName,
    /// What a room name may be.
    RoomNameHint,
    /// Button of the room form.
    OpenRoom,
    /// Nobody has said anything in any room.
    NoRooms,
    /// What to do on the lobby page.
    LobbyInvitation,
    /// Title of the lobby's empty half.
    LobbyTitle,
    /// Nobody has said anything in this room.
    EmptyRoom,
    /// Copies the address of the room.
    CopyInvitation,
    /// Label of the nickname field.
    Nickname,
    /// Why a nickname is asked for.
    NicknameInvitation,
    /// Button of the nickname form before there is a nickname.
    StartChatting,
    /// Opens the forms for nickname, colours, language and notifications.
    Settings,
    /// Heading: the colours of the page.
    Theme,
    /// Colours as the browser prefers.
    ThemeAuto,
    /// Always light.
    ThemeLight,
    /// Always dark.
    ThemeDark,
    /// Heading: the language of the page.
    Language,
    /// Heading: when the browser notifies.
    Notifications,
    /// Never.
    NotifyOff,
    /// Of mentions.
    NotifyMentions,
    /// Of all messages.
    NotifyAll,
    /// The browser does not let the page notify.
    NotifyBlocked,
    /// The field that filters the list of rooms.
    FindRoom,
    /// Opens the list of the people in the room.
    People,
    /// The divider above unread messages.
    ReadUpToHere,
    /// A server has newer files than the page.
    NewVersion,
    /// Title of the page without a network.
    NoNetwork,
    /// What to do without a network.
    NoNetworkAdvice,
    /// Button of the form that changes the nickname.
    Save,
    /// Shown in place of a nickname.
    NoNickname,
    /// Placeholder of the composer.
    ComposerPlaceholder,
    /// Button that sends.
    Send,
    /// How the keys work on a desktop.
    ComposerHint,
    /// The composer without JavaScript.
    NeedsScript,
    /// A message without content was sent.
    Blank,
    /// Too many messages wait for a connection already.
    OutboxFull,
    /// A message has more than the allowed characters or bytes.
    TooLong,
    /// Who speaks when it is the viewer, for screen readers.
    Me,
    /// State: sent, not yet confirmed.
    Sending,
    /// State: no confirmation after ten seconds; the message may have arrived.
    Unconfirmed,
    /// State: no connection, sent later.
    Queued,
    /// State: the browser could not store the message.
    Unkept,
    /// State: refused by the server.
    Failed,
    /// Sends a refused message again.
    Retry,
    /// Drops a refused message.
    Discard,
    /// A row of a kind this version does not know.
    Unsupported,
    /// Connection line: live.
    Live,
    /// Connection line: connecting.
    Connecting,
    /// Connection line: no connection.
    Disconnected,
    /// Banner: the browser says that there is no network.
    Offline,
    /// Banner: connecting again right now.
    Reconnecting,
    /// Banner: skips the wait before the next attempt.
    ConnectNow,
    /// Banner: connected again.
    Back,
    /// Why a message was not sent: it waited for more than a day.
    TooOld,
    /// Why a message was not sent: sent too fast.
    RateLimited,
    /// Why a message or page was refused: not allowed.
    Forbidden,
    /// Why a message was refused: nothing, too much or not text.
    InvalidMessage,
    /// Older messages are being fetched.
    LoadingOlder,
    /// Fetching older messages failed.
    OlderFailed,
    /// Fetches older messages.
    LoadOlder,
    /// Label of the button that goes to the newest message.
    JumpToLatest,
    /// A change or an answer names a message that is not there.
    NoSuchMessage,
    /// What can be done with a message.
    Actions,
    /// Answers a message.
    Answer,
    /// Opens the choice of emoji.
    React,
    /// Who reacted how.
    Reactions,
    /// Label of the field for an emoji that is not among the choice.
    AnyEmoji,
    /// Puts the text into the clipboard.
    Copy,
    /// Puts the address of a message into the clipboard.
    CopyLink,
    /// The text is in the clipboard.
    Copied,
    /// The address is in the clipboard.
    LinkCopied,
    /// The browser does not let the page write into the clipboard.
    NotCopied,
    /// Changes a message.
    Edit,
    /// Beside a message that was changed.
    Edited,
    /// In place of a message that was deleted.
    Deleted,
    /// Asks before a message is deleted.
    DeleteQuestion,
    /// Leaves things as they are.
    Cancel,
    /// Above the composer while it changes a message.
    Editing,
    /// The people whose names fit what was typed behind `@`.
    Mentions,
    /// A message that was asked for cannot be shown.
    MessageMissing,
    /// Newer messages are being fetched.
    LoadingNewer,
    /// Fetching newer messages failed.
    NewerFailed,
    /// Fetches newer messages.
    LoadNewer,
    /// The page's program stopped.
    Crashed,
    /// Reloads the page.
    Reload,
    /// The day before today.
    Yesterday,
    /// Title and button of the search.
    Search,
    /// Label of the field that says what is looked for.
    SearchFor,
    /// Before the name of the one room that is searched.
    OnlyInRoom,
    /// A search found nothing.
    NothingFound,
    /// Leads to the hits before these.
    OlderHits,
    /// Back from a search to the room.
    BackToRoom,
}

impl Text {
    /// The sentence in a language.
    #[expect(clippy::too_many_lines, reason = "one line for each sentence")]
    pub fn to(self, language: Language) -> &'static str {
        let (korean, english) = match self {
            Self::AppName => ("마루", "Maru"),
            Self::Rooms => ("채팅방", "Rooms"),
            Self::Search => ("검색", "Search"),
            Self::SearchFor => ("찾을 말", "Words to look for"),
            Self::OnlyInRoom => ("이 채팅방에서만:", "Only in this room:"),
            Self::NothingFound => ("찾은 메시지가 없습니다", "No messages found"),
            Self::OlderHits => ("이전 결과", "Older results"),
            Self::BackToRoom => ("채팅방으로", "Back to the room"),
            Self::SkipToComposer => ("메시지 입력으로 건너뛰기", "Skip to writing a message"),
            Self::BackToRooms => ("채팅방 목록", "All rooms"),
            Self::NewRoom => ("새 채팅방", "New room"),
            Self::RoomName => ("채팅방 이름", "Room name"),
            Self::RoomNameHint => (
                "글자, 숫자, 하이픈(-) 40자까지",
                "Letters, digits and hyphens, up to 40",
            ),
            Self::OpenRoom => ("들어가기", "Open"),
            Self::NoRooms => ("아직 채팅방이 없습니다", "No rooms yet"),
            Self::LobbyTitle => ("이야기할 곳을 고르세요", "Pick a place to talk"),
            Self::LobbyInvitation => (
                "목록에서 채팅방을 고르거나, 이름을 적어 새로 만드세요.",
                "Choose a room from the list, or type a name to make one.",
            ),
            Self::EmptyRoom => ("아직 메시지가 없습니다", "No messages yet"),
            Self::CopyInvitation => ("초대 링크 복사", "Copy invite link"),
            Self::Nickname => ("닉네임", "Nickname"),
            Self::NicknameInvitation => (
                "닉네임을 정하면 대화할 수 있습니다.",
                "Choose a nickname to join in.",
            ),
            Self::StartChatting => ("대화 시작", "Start chatting"),
            Self::Settings => ("설정", "Settings"),
            Self::Theme => ("화면", "Appearance"),
            Self::ThemeAuto => ("자동", "Auto"),
            Self::ThemeLight => ("밝게", "Light"),
            Self::ThemeDark => ("어둡게", "Dark"),
            Self::Language => ("언어", "Language"),
            Self::Notifications => ("알림", "Notifications"),
            Self::NotifyOff => ("끄기", "Off"),
            Self::NotifyMentions => ("나를 부를 때", "Mentions"),
            Self::NotifyAll => ("모든 메시지", "All messages"),
            Self::NotifyBlocked => (
                "브라우저가 알림을 막고 있습니다. 브라우저의 사이트 설정에서 허용해 주세요.",
                "The browser blocks notifications. Allow them in its settings for this site.",
            ),
            Self::FindRoom => ("채팅방 찾기", "Find a room"),
            Self::People => ("대화 상대", "People"),
            Self::ReadUpToHere => ("여기까지 읽었습니다", "New messages"),
            Self::Deleted => ("삭제된 메시지입니다", "This message was deleted"),
            Self::NewVersion => (
                "새 버전이 있습니다. 쓰던 글과 보낼 메시지는 그대로 남습니다.",
                "A new version is available. Your draft and unsent messages are kept.",
            ),
            Self::NoNetwork => ("오프라인입니다", "You are offline"),
            Self::NoNetworkAdvice => (
                "네트워크에 다시 연결되면 이 페이지가 저절로 열립니다.",
                "This page opens by itself once you are connected again.",
            ),
            Self::Save => ("저장", "Save"),
            Self::NoNickname => ("닉네임 없음", "No nickname"),
            Self::ComposerPlaceholder => ("메시지 보내기", "Write a message"),
            Self::Send => ("보내기", "Send"),
            Self::ComposerHint => (
                "Enter로 보내기 · Shift+Enter로 줄바꿈",
                "Enter to send · Shift+Enter for a new line",
            ),
            Self::NeedsScript => (
                "메시지를 보내려면 JavaScript를 켜 주세요.",
                "Turn on JavaScript to send messages.",
            ),
            Self::Blank => ("보낼 내용을 입력해 주세요.", "Write something to send."),
            Self::TooLong => (
                "메시지가 너무 깁니다. 4,000자(16 KiB)까지 보낼 수 있습니다.",
                "This message is too long: 4,000 characters (16 KiB) is the limit.",
            ),
            Self::OutboxFull => (
                "보내지 못한 메시지가 너무 많습니다. 연결된 뒤에 다시 보내 주세요.",
                "Too many messages are waiting. Send this one once you are connected.",
            ),
            Self::Me => ("나", "Me"),
            Self::Sending => ("보내는 중…", "Sending…"),
            Self::Unconfirmed => ("아직 확인되지 않음", "Not confirmed yet"),
            Self::Queued => ("연결되면 보냅니다", "Will be sent when connected"),
            Self::Unkept => ("새로고침하면 사라집니다", "Lost if you reload"),
            Self::Failed => ("전송되지 않았습니다", "Not sent"),
            Self::Retry => ("다시 보내기", "Retry"),
            Self::Discard => ("삭제", "Delete"),
            Self::Unsupported => (
                "이 버전에서 볼 수 없는 메시지입니다",
                "A message that this version cannot show",
            ),
            Self::Live => ("연결됨", "Connected"),
            Self::Connecting => ("연결하는 중…", "Connecting…"),
            Self::Disconnected => ("연결 끊김", "Not connected"),
            Self::Offline => (
                "오프라인 · 보낸 메시지는 연결되면 전송됩니다",
                "Offline · your messages will be sent once you are back",
            ),
            Self::Reconnecting => (
                "연결 끊김 · 다시 연결하는 중…",
                "Connection lost · reconnecting…",
            ),
            Self::ConnectNow => ("지금 연결", "Connect now"),
            Self::Back => ("다시 연결됨", "Back online"),
            Self::TooOld => (
                "하루가 넘게 보내지 못했습니다",
                "it could not be sent for more than a day",
            ),
            Self::RateLimited => (
                "너무 빨리 보내고 있습니다",
                "too many messages in a short time",
            ),
            Self::Forbidden => ("허용되지 않았습니다", "not allowed"),
            Self::InvalidMessage => ("보낼 수 없는 내용입니다", "its text cannot be sent"),
            Self::LoadingOlder => ("이전 메시지를 불러오는 중…", "Loading older messages…"),
            Self::OlderFailed => (
                "이전 메시지를 불러오지 못했습니다",
                "Could not load older messages",
            ),
            Self::LoadOlder => ("이전 메시지 불러오기", "Load older messages"),
            Self::JumpToLatest => ("최신 메시지로 이동", "Jump to latest"),
            Self::NoSuchMessage => (
                "그 메시지를 찾을 수 없습니다",
                "that message is not there any more",
            ),
            Self::Actions => ("메시지 작업", "Message actions"),
            Self::Answer => ("답장", "Reply"),
            Self::React => ("반응 남기기", "React"),
            Self::Reactions => ("반응", "Reactions"),
            Self::AnyEmoji => ("다른 이모지 입력", "Another emoji"),
            Self::Copy => ("복사", "Copy"),
            Self::CopyLink => ("링크 복사", "Copy link"),
            Self::Copied => ("복사했습니다", "Copied"),
            Self::LinkCopied => ("링크를 복사했습니다", "Link copied"),
            Self::NotCopied => (
                "복사하지 못했습니다. 글을 직접 선택해 주세요.",
                "Could not copy. Please select the text yourself.",
            ),
            Self::Edit => ("수정", "Edit"),
            Self::Edited => ("수정됨", "edited"),
            Self::DeleteQuestion => ("삭제할까요?", "Delete this message?"),
            Self::Cancel => ("취소", "Cancel"),
            Self::Editing => ("메시지 수정", "Editing a message"),
            Self::Mentions => ("언급할 사람", "People to mention"),
            Self::MessageMissing => ("그 메시지를 열지 못했습니다", "Could not open that message"),
            Self::LoadingNewer => ("다음 메시지를 불러오는 중…", "Loading newer messages…"),
            Self::NewerFailed => (
                "다음 메시지를 불러오지 못했습니다",
                "Could not load newer messages",
            ),
            Self::LoadNewer => ("다음 메시지 불러오기", "Load newer messages"),
            Self::Crashed => (
                "문제가 생겨 멈췄습니다. 보낸 메시지는 안전합니다.",
                "Something went wrong and the page stopped. Sent messages are safe.",
            ),
            Self::Reload => ("새로고침", "Reload"),
            Self::Yesterday => ("어제", "Yesterday"),
        };
        match language {
            Language::Ko => korean,
            Language::En => english,
        }
    }
}

/// A few words for an HTTP status: title and heading of a page that says one thing.
pub fn status_title(language: Language, status: u16) -> &'static str {
    let (korean, english) = match status {
        400 => ("요청을 이해하지 못했습니다", "That did not make sense"),
        403 => ("허용되지 않았습니다", "Not allowed"),
        404 => ("찾을 수 없습니다", "Not found"),
        413 => ("너무 깁니다", "Too long"),
        429 => ("너무 잦은 요청입니다", "Too many requests"),
        503 => ("준비하고 있습니다", "Getting ready"),
        _ => ("문제가 생겼습니다", "Something went wrong"),
    };
    match language {
        Language::Ko => korean,
        Language::En => english,
    }
}

/// Label of the timeline.
pub fn timeline_label(language: Language, room: &str) -> String {
    match language {
        Language::Ko => format!("{room} 메시지"),
        Language::En => format!("Messages in {room}"),
    }
}

/// Label of the composer.
pub fn composer_label(language: Language, room: &str) -> String {
    match language {
        Language::Ko => format!("{room} 채팅방에 메시지 보내기"),
        Language::En => format!("Write a message in {room}"),
    }
}

/// What to do in an empty room.
pub fn invitation(language: Language, room: &str) -> String {
    match language {
        Language::Ko => format!(
            "첫 메시지를 남기거나 {} 오는 초대 링크를 보내 보세요.",
            particle::toward(room)
        ),
        Language::En => format!("Write the first one, or send somebody a link to {room}."),
    }
}

/// A count on a badge; more than 99 are not counted.
pub fn capped(count: usize) -> String {
    if count > 99 {
        "99+".to_owned()
    } else {
        count.to_string()
    }
}

/// The jump button when messages arrived out of sight; more than 99 are not counted.
pub fn new_messages(language: Language, count: usize) -> String {
    let shown = capped(count);
    match (language, count) {
        (Language::Ko, _) => format!("새 메시지 {shown}개"),
        (Language::En, 1) => "1 new message".to_owned(),
        (Language::En, _) => format!("{shown} new messages"),
    }
}

/// Above the composer while it writes an answer.
pub fn answering(language: Language, name: &str) -> String {
    match language {
        Language::Ko => format!("{name}님에게 답장"),
        Language::En => format!("Replying to {name}"),
    }
}

/// The banner while waiting before the next attempt to connect.
pub fn reconnecting_in(language: Language, seconds: u32) -> String {
    match (language, seconds) {
        (Language::Ko, _) => format!("연결 끊김 · {seconds}초 뒤 다시 시도"),
        (Language::En, 1) => "Connection lost · trying again in 1 second".to_owned(),
        (Language::En, _) => format!("Connection lost · trying again in {seconds} seconds"),
    }
}

/// Why the server refused something: by the word for programs where it is known, else the server's own sentence.
pub fn refusal<'a>(language: Language, code: &str, sentence: &'a str) -> &'a str {
    let text = match code {
        "rate-limited" => Text::RateLimited,
        "forbidden" => Text::Forbidden,
        "invalid-message" => Text::InvalidMessage,
        "no-such-message" => Text::NoSuchMessage,
        _ => return sentence,
    };
    text.to(language)
}

/// What happened, and why if that is known.
pub fn with_reason(what: &str, reason: &str) -> String {
    if reason.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {reason}")
    }
}

/// What a screen reader says when one message arrives.
pub fn announced(name: &str, body: &str) -> String {
    format!("{name}: {body}")
}

/// The counter near the limit of a message.
pub fn characters_left(language: Language, left: usize) -> String {
    match (language, left) {
        (Language::Ko, _) => format!("{left}자 남음"),
        (Language::En, 1) => "1 character left".to_owned(),
        (Language::En, _) => format!("{left} characters left"),
    }
}

/// A day in words, with the year: `2026년 11월 23일 월요일`, `Monday, November 23, 2026`.
pub fn day(language: Language, year: i64, month: u8, day: u8, weekday: u8) -> String {
    const KOREAN: [&str; 7] = ["일", "월", "화", "수", "목", "금", "토"];
    const WEEKDAYS: [&str; 7] = [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let weekday = usize::from(weekday) % 7;
    match language {
        Language::Ko => format!("{year}년 {month}월 {day}일 {}요일", KOREAN[weekday]),
        Language::En => {
            let month = MONTHS[usize::from(month).saturating_sub(1) % 12];
            format!("{}, {month} {day}, {year}", WEEKDAYS[weekday])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_plurals() {
        assert_eq!(new_messages(Language::Ko, 5), "새 메시지 5개");
        assert_eq!(new_messages(Language::En, 1), "1 new message");
        assert_eq!(new_messages(Language::En, 100), "99+ new messages");
        assert_eq!(
            reconnecting_in(Language::En, 3),
            "Connection lost · trying again in 3 seconds"
        );
    }

    #[test]
    fn days_in_words() {
        assert_eq!(
            day(Language::Ko, 2026, 11, 23, 1),
            "2026년 11월 23일 월요일"
        );
        assert_eq!(
            day(Language::En, 2026, 11, 23, 1),
            "Monday, November 23, 2026"
        );
    }
}
