use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::bus::envelope::{About, Changed, Effect, Entity};
use crate::bus::node_event::{EveryoneMentioned, NewsScope, PresenceNews, SignOfLife, Version};
use crate::clock::UnixMs;
use crate::model::channel::{Channel, ChannelKind};
use crate::model::event::Push;
use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::model::presence::{Attested, Availability, Choice, Presence, Status};

const BOOT: u64 = 0x0123_4567_89ab_cdef;
const NOW_MS: UnixMs = 1_795_000_000_000;

fn origin() -> NodeId {
    NodeId::new(7).unwrap()
}

fn raw(value: &serde_json::Value) -> Arc<RawValue> {
    serde_json::value::to_raw_value(value).unwrap().into()
}

fn envelope(topics: &[Topic], content: Content) -> Envelope {
    Envelope::new(origin(), NOW_MS, topics.iter().copied(), content)
}

fn direct_channel() -> Channel {
    Channel {
        id: ChannelId::new(21),
        group_id: None,
        kind: ChannelKind::Direct,
        name: String::new(),
        topic: "tea \"&\" \u{1f375}".into(),
        position: -1,
        slow_mode_seconds: 30,
        recipients: vec![UserId::new(1), UserId::new(2)],
    }
}

/// One of each that travels.
fn envelopes() -> Vec<Envelope> {
    let (group_id, user_id) = (GroupId::new(11), UserId::new(1));
    let body = raw(&json!({"id": "5", "content": "hej \u{1f375}\n"}));
    let created = Content::Push { push: Push::MessageCreated, body };
    let body = raw(&json!({"id": "21"}));
    let renamed =
        Content::ChannelPush { push: Push::ChannelUpdated, kind: ChannelKind::Announcement, body };
    let body = raw(&json!({"userId": "1"}));
    let left = Content::Push { push: Push::MemberLeft, body };
    let reacted =
        Content::Push { push: Push::ReactionAdded, body: raw(&json!({"emoji": "\u{1f375}"})) };
    let entity = Entity::Message(ChannelId::new(21), MessageId::new(5));
    let edited = Content::Current { push: Push::MessageUpdated, entity };
    let presence = Presence { user_id, status: Status::Dnd, text: "busy".into() };
    let people = [Topic::User(user_id), Topic::User(UserId::new(2)), Topic::Watchers(user_id)];
    vec![
        Envelope {
            changed: [Changed::History(ChannelId::new(21))].into_iter().collect(),
            about: About::NewMessage(ChannelId::new(21), MessageId::new(5)),
            ..envelope(&[Topic::Group(group_id)], created)
        },
        Envelope {
            changed: [Changed::Channel(ChannelId::new(21)), Changed::Group(group_id)]
                .into_iter()
                .collect(),
            ..envelope(&[Topic::Group(group_id)], renamed)
        },
        Envelope {
            changed: [Changed::Membership(group_id, user_id), Changed::Person(user_id)]
                .into_iter()
                .collect(),
            effect: Some(Effect::Membership { user_id, group_id, is_member: false }),
            ..envelope(&[Topic::Group(group_id)], left)
        },
        Envelope {
            effect: Some(Effect::CloseGroup { group_id }),
            ..envelope(&people, Content::None)
        },
        Envelope {
            changed: [Changed::Session(SessionId::new(31))].into_iter().collect(),
            effect: Some(Effect::EndSessions {
                user_id,
                session_ids: vec![SessionId::new(31), SessionId::new(32)],
            }),
            ..envelope(&[], Content::None)
        },
        envelope(&[], Content::Presences(vec![presence])),
        Envelope {
            about: About::Reaction {
                message_id: MessageId::new(5),
                user_id,
                emoji: "\u{1f375}".into(),
                change_id: ChangeId::new(41),
            },
            ..envelope(&[Topic::Group(group_id)], reacted)
        },
        Envelope {
            about: About::Message(MessageId::new(5)),
            ..envelope(&[Topic::Group(group_id)], edited)
        },
    ]
}

fn node_events() -> Vec<NodeEvent> {
    let choice = Choice { availability: Availability::Invisible, text: "hm".into(), at_ms: NOW_MS };
    let version = Version { boot: u64::MAX, number: 3 };
    vec![
        NodeEvent::Changed(vec![Changed::Group(GroupId::new(11))]),
        NodeEvent::ForgetAll,
        NodeEvent::Alive(SignOfLife {
            presence: version,
            now_ms: NOW_MS,
            settled_until_ms: NOW_MS,
        }),
        NodeEvent::Presence(PresenceNews {
            version,
            scope: NewsScope::Whole { is_first: true, is_last: false },
            people: vec![
                (UserId::new(1), Attested { idle: Some(true), choice }),
                (UserId::new(2), Attested::default()),
            ],
        }),
        NodeEvent::PresenceWanted(origin()),
        NodeEvent::EveryoneMentioned(EveryoneMentioned {
            channel: direct_channel(),
            author: UserId::new(1),
            named: vec![UserId::new(2)],
        }),
        NodeEvent::Gap,
        NodeEvent::Left,
    ]
}

/// As the golden file has it.
fn text(parcel: &Parcel) -> String {
    let headers = parcel.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let body = std::str::from_utf8(&parcel.body).unwrap();
    format!("{}\n{body}\n", headers.collect::<String>())
}

fn from_text(text: &str) -> Parcel {
    let (headers, body) = text.split_once("\n\n").unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned().into(), value.to_owned())
    };
    let body = Bytes::copy_from_slice(body.strip_suffix('\n').unwrap().as_bytes());
    Parcel { headers: headers.lines().map(header).collect(), body }
}

fn is_same(opened: &OpenedParcel, expected: &ParcelContent) -> bool {
    format!("{:?}", opened.sent) == format!("{expected:?}")
}

/// All samples with what is written of them.
fn encoded() -> Vec<(ParcelContent, Parcel)> {
    let encoder = Encoder::new(BOOT);
    let envelopes = envelopes().into_iter().enumerate().map(|(index, envelope)| {
        let parcel = encoder.envelope(&envelope, index == 5).unwrap();
        (ParcelContent::Envelope(envelope), parcel)
    });
    let envelopes: Vec<_> = envelopes.collect();
    let events = node_events().into_iter().map(|event| {
        let parcel = encoder.node_event(origin(), &event).unwrap();
        (ParcelContent::Node(event), parcel)
    });
    envelopes.into_iter().chain(events).collect()
}

/// Nodes of other builds write and read this. What changes here changes for them: see the module's
/// documentation for what may.
#[test]
#[expect(clippy::disallowed_methods, reason = "no setting of the server: it writes the file")]
fn version_1_is_as_it_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bus/codec/version_1.txt");
    let written: Vec<String> = encoded().iter().map(|(_, parcel)| text(parcel)).collect();
    let separator = "----\n";
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(path, written.join(separator)).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    let golden: Vec<&str> = golden.split(separator).collect();
    assert_eq!(golden.len(), written.len());
    for ((golden, written), (sent, _)) in golden.iter().zip(&written).zip(&encoded()) {
        assert_eq!(golden, written);
        let opened = decode(&from_text(golden)).unwrap();
        assert!(is_same(&opened, sent), "{opened:?}");
        assert_eq!((opened.origin, opened.id.boot), (origin(), BOOT));
    }
}

#[test]
fn what_may_be_left_out_is_left_out() {
    let text = "\
version: 1
id: 00000000000000ff.12
kind: envelope
origin: 1023
topics: g:11 room:7 u:1
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
meta: {\"publishedAtMs\":5,\"priority\":{\"level\":[1]},\"push\":\"message:exploded\",\"changed\":[{\"group\":\"11\"}]}

{\"loud\":true}
";
    let opened = decode(&from_text(text)).unwrap();
    assert_eq!(opened.id, ParcelId { boot: 255, number: 12 });
    let ParcelContent::Envelope(envelope) = opened.sent else { panic!() };
    assert_eq!(envelope.topics[..], [Topic::Group(GroupId::new(11)), Topic::User(UserId::new(1))]);
    assert_eq!(envelope.changed[..], [Changed::Group(GroupId::new(11))]);
    assert!(matches!(envelope.content, Content::None), "its clients were never promised that");

    let (_, mut parcel) = encoded().remove(10);
    parcel.body =
        br#"{"alive":{"presence":{"boot":1,"number":2,"people":3},"nowMs":4,"load":0.5}}"#[..]
            .into();
    let ParcelContent::Node(NodeEvent::Alive(alive)) = decode(&parcel).unwrap().sent else {
        panic!()
    };
    assert_eq!((alive.now_ms, alive.settled_until_ms), (4, 0));
}

fn with_header(parcel: &Parcel, name: &'static str, value: Option<&str>) -> Parcel {
    let mut parcel = parcel.clone();
    parcel.headers.retain(|(it, _)| it != name);
    parcel.headers.extend(value.map(|value| (name.into(), value.to_owned())));
    parcel
}

#[test]
fn what_must_not_be_left_out_is_unreadable() {
    let (_, message) = encoded().swap_remove(0);
    let newer = Unreadable::Version { found: 2 };
    assert_eq!(decode(&with_header(&message, "version", Some("2"))).unwrap_err(), newer);
    for (name, values) in [
        ("version", &[None, Some(""), Some("-1"), Some("one")][..]),
        ("id", &[None, Some(""), Some("5"), Some("x.y"), Some(".5"), Some("1.")][..]),
        ("origin", &[None, Some("1024"), Some("65536"), Some("n1")][..]),
        ("kind", &[None, Some("command")][..]),
        ("topics", &[Some("g"), Some("g:"), Some("u:x"), Some("g:99999999999999999999")][..]),
        (
            "meta",
            &[
                None,
                Some(""),
                Some("{}"),
                Some("{\"publishedAtMs\":1"),
                Some("{\"publishedAtMs\":1,\"effect\":{\"explode\":{}}}"),
                Some("{\"publishedAtMs\":1,\"changed\":[{\"moon\":\"1\"}]}"),
            ][..],
        ),
    ] {
        for value in values {
            let damaged = with_header(&message, name, *value);
            assert_eq!(decode(&damaged).unwrap_err(), Unreadable::Damaged(name), "{value:?}");
        }
    }
    for body in [&b""[..], b"{", b"{} {}", b"\"\xff\"", b"nothing"] {
        let damaged = Parcel { body: Bytes::from_static(body), ..message.clone() };
        assert_eq!(decode(&damaged).unwrap_err(), Unreadable::Damaged("body"), "{body:?}");
    }
    let (_, event) = encoded().remove(9);
    for body in [&b""[..], b"\"explode\"", b"{\"alive\":{}}", b"{\"presenceWanted\":1024}"] {
        let damaged = Parcel { body: Bytes::from_static(body), ..event.clone() };
        assert_eq!(decode(&damaged).unwrap_err(), Unreadable::Damaged("body"), "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_unreadable_is_a_gap_unless_it_is_volatile() {
    let (_queue, deliveries) = tokio::sync::mpsc::channel(1);
    let gap = GapFlag::default();
    let mut deliveries = crate::bus::Deliveries::new(deliveries, gap.clone());
    let (_, message) = encoded().swap_remove(0);
    assert!(receive(&message, &gap).is_some());
    let newer = with_header(&message, "version", Some("2"));
    assert!(receive(&with_header(&newer, "volatile", Some("1")), &gap).is_none());
    assert!(deliveries.try_recv().is_err(), "no gap yet");
    assert!(receive(&newer, &gap).is_none());
    assert!(matches!(deliveries.try_recv(), Ok(crate::bus::Delivery::Gap)));
    for (sent, parcel) in encoded() {
        let expected = match sent {
            ParcelContent::Envelope(envelope) => matches!(envelope.content, Content::Presences(_)),
            ParcelContent::Node(event) => event.is_told_again(),
        };
        assert_eq!(parcel.is_volatile(), expected);
    }
}

#[test]
fn a_parcel_has_a_size() {
    let body = |bytes: usize| raw(&"x".repeat(bytes - 2).into());
    let of = |body| Content::Push { push: Push::MessageCreated, body };
    let encoder = Encoder::new(BOOT);
    let fits = encoder.envelope(&envelope(&[], of(body(BODY_BYTES_MAX))), false).unwrap();
    assert!(decode(&fits).is_ok());
    let too_large = encoder.envelope(&envelope(&[], of(body(BODY_BYTES_MAX + 1))), false);
    assert_eq!(too_large.unwrap_err().body_bytes, BODY_BYTES_MAX + 1);
    let many = envelope(&[Topic::User(UserId::MAX); 3_100], Content::None);
    assert!(encoder.envelope(&many, false).is_err(), "of headers, too");

    let body = vec![b' '; BODY_BYTES_MAX + 1].into();
    let too_large = decode(&Parcel { body, ..fits.clone() });
    assert!(matches!(too_large, Err(Unreadable::TooLarge(_))));
    let long = "1".repeat(HEADERS_BYTES_MAX);
    let too_large = decode(&with_header(&fits, "version", Some(&long)));
    assert!(matches!(too_large, Err(Unreadable::TooLarge(_))));
    let mut many = fits.clone();
    many.headers.extend((0..HEADERS_MAX).map(|_| ("x".into(), String::new())));
    assert_eq!(decode(&many).unwrap_err(), Unreadable::Damaged("headers"));
}

/// No reader of ours goes into the depth of what it gets.
#[test]
fn what_is_nested_without_end_is_unreadable() {
    for (_, parcel) in [encoded().remove(0), encoded().remove(9)] {
        let deep = Parcel { body: "[".repeat(1_000_000).into(), ..parcel };
        assert_eq!(decode(&deep).unwrap_err(), Unreadable::Damaged("body"));
    }
}

fn any_topic() -> impl Strategy<Value = Topic> {
    prop_oneof![
        any::<u64>().prop_map(|id| Topic::Group(GroupId::new(id))),
        any::<u64>().prop_map(|id| Topic::User(UserId::new(id))),
        any::<u64>().prop_map(|id| Topic::Watchers(UserId::new(id))),
    ]
}

fn any_changed() -> impl Strategy<Value = Changed> {
    (0..8, any::<u64>(), any::<u64>()).prop_map(|(kind, id, other)| match kind {
        0 => Changed::Group(GroupId::new(id)),
        1 => Changed::Channel(ChannelId::new(id)),
        2 => Changed::Membership(GroupId::new(id), UserId::new(other)),
        3 => Changed::Person(UserId::new(id)),
        4 => Changed::Session(SessionId::new(id)),
        5 => Changed::MemberCount(GroupId::new(id)),
        6 => Changed::Pins(ChannelId::new(id)),
        _ => Changed::History(ChannelId::new(id)),
    })
}

fn any_effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(user, group, is_member)| {
            let (user_id, group_id) = (UserId::new(user), GroupId::new(group));
            Effect::Membership { user_id, group_id, is_member }
        }),
        any::<u64>().prop_map(|id| Effect::CloseGroup { group_id: GroupId::new(id) }),
        (any::<u64>(), vec(any::<u64>(), 0..5)).prop_map(|(user, ids)| Effect::EndSessions {
            user_id: UserId::new(user),
            session_ids: ids.into_iter().map(SessionId::new).collect(),
        }),
    ]
}

fn any_content() -> impl Strategy<Value = Content> {
    let push = || (0..Push::ALL.len()).prop_map(|index| Push::ALL[index]);
    let body = || "\\PC{0,40}".prop_map(|text| raw(&json!({"text": text, "list": [1.5, null]})));
    let entity = || {
        (0_u8..8, any::<u64>(), any::<u64>())
            .prop_map(|(kind, id, other)| any_entity(kind, id, other))
    };
    let kind = prop_oneof![Just(ChannelKind::Text), Just(ChannelKind::Announcement)];
    let status = prop_oneof![Just(Status::Online), Just(Status::Idle), Just(Status::Offline)];
    let presence = (any::<u64>(), status, "\\PC{0,10}").prop_map(|(id, status, text)| Presence {
        user_id: UserId::new(id),
        status,
        text,
    });
    prop_oneof![
        Just(Content::None),
        (push(), body()).prop_map(|(push, body)| Content::Push { push, body }),
        (push(), entity()).prop_map(|(push, entity)| Content::Current { push, entity }),
        (push(), kind, body()).prop_map(|(push, kind, body)| Content::ChannelPush {
            push,
            kind,
            body
        }),
        vec(presence, 0..4).prop_map(Content::Presences),
    ]
}

fn any_entity(kind: u8, id: u64, other: u64) -> Entity {
    let (user_id, channel_id) = (UserId::new(id), ChannelId::new(other));
    match kind {
        0 => Entity::Group(GroupId::new(id)),
        1 => Entity::Channel(channel_id),
        2 => Entity::ChannelOf(user_id, channel_id),
        3 => Entity::Member(GroupId::new(other), user_id),
        4 => Entity::Message(channel_id, MessageId::new(id)),
        5 => Entity::User(user_id),
        6 => Entity::Settings(user_id),
        _ => Entity::ReadState(user_id, channel_id),
    }
}

fn any_about() -> impl Strategy<Value = About> {
    (0..8, any::<u64>(), any::<u64>(), "\\PC{0,10}").prop_map(|(kind, id, other, emoji)| {
        let (message_id, change_id) = (MessageId::new(id), ChangeId::new(other));
        match kind {
            0 => About::Nothing,
            1 => About::NewMessage(ChannelId::new(other), message_id),
            2 => About::Message(message_id),
            3 => About::Pin(message_id, change_id),
            4 => About::Reaction { message_id, user_id: UserId::new(other), emoji, change_id },
            5 => About::DeletedMessage(message_id),
            6 => About::Channel(ChannelId::new(id)),
            _ => About::DeletedChannel(ChannelId::new(id)),
        }
    })
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    let node = (0..=NodeId::MAX).prop_map(|number| NodeId::new(number).unwrap());
    let effect = proptest::option::of(any_effect());
    let (topics, changed) = (vec(any_topic(), 0..6), vec(any_changed(), 0..4));
    (node, any::<u64>(), topics, changed, effect, any_about(), any_content()).prop_map(
        |(origin, published_at_ms, topics, changed, effect, about, content)| Envelope {
            origin,
            published_at_ms,
            topics: topics.into(),
            changed: changed.into(),
            effect,
            about,
            content,
        },
    )
}

fn any_news() -> impl Strategy<Value = NodeEvent> {
    let availability = prop_oneof![
        Just(Availability::Available),
        Just(Availability::Dnd),
        Just(Availability::Invisible)
    ];
    let choice = (availability, "\\PC{0,10}", any::<u64>())
        .prop_map(|(availability, text, at_ms)| Choice { availability, text, at_ms });
    let attested =
        (any::<Option<bool>>(), choice).prop_map(|(idle, choice)| Attested { idle, choice });
    let person = (any::<u64>().prop_map(UserId::new), attested);
    (any::<u64>(), any::<u64>(), any::<bool>(), vec(person, 0..5)).prop_map(
        |(boot, number, is_first, people)| {
            let version = Version { boot, number };
            let scope = match number % 2 {
                0 => NewsScope::Changes,
                _ => NewsScope::Whole { is_first, is_last: !is_first },
            };
            NodeEvent::Presence(PresenceNews { version, scope, people })
        },
    )
}

/// What a parcel may have become on its way: some bytes of its values replaced, cut off or doubled.
fn damage(parcel: &Parcel, wounds: &[(usize, usize, u8, u8)]) -> Parcel {
    let mut values: Vec<Vec<u8>> =
        parcel.headers.iter().map(|(_, value)| value.clone().into_bytes()).collect();
    values.push(parcel.body.to_vec());
    for (which, at, kind, byte) in wounds {
        let which = which % values.len();
        let value = &mut values[which];
        let at = at % (value.len() + 1);
        match kind % 4 {
            0 => value.truncate(at),
            1 if at < value.len() => value[at] = *byte,
            2 => value.insert(at, *byte),
            _ => value.extend_from_within(..at),
        }
    }
    let body = values.pop().unwrap().into();
    let names = parcel.headers.iter().map(|(name, _)| name.clone());
    // A driver that gets no text has no header.
    let headers =
        names.zip(values).filter_map(|(name, value)| Some((name, String::from_utf8(value).ok()?)));
    Parcel { headers: headers.collect(), body }
}

proptest! {
    #[test]
    fn every_envelope_arrives_as_it_was_sent(envelope in any_envelope(), is_volatile: bool) {
        let parcel = Encoder::new(BOOT).envelope(&envelope, is_volatile).unwrap();
        let opened = decode(&parcel).unwrap();
        prop_assert_eq!(&parcel.topics(), &envelope.topics);
        prop_assert_eq!(parcel.is_volatile(), is_volatile);
        prop_assert!(is_same(&opened, &ParcelContent::Envelope(envelope)), "{:?}", opened);
    }

    #[test]
    fn all_news_arrive_as_they_were_sent(event in any_news(), changed in vec(any_changed(), 0..9)) {
        for event in [event, NodeEvent::Changed(changed)] {
            let parcel = Encoder::new(BOOT).node_event(origin(), &event).unwrap();
            prop_assert!(is_same(&decode(&parcel).unwrap(), &ParcelContent::Node(event)));
        }
    }

    #[test]
    fn a_parcel_with_damage_is_read_or_refused(
        index in 0_usize..14,
        wounds in vec((any::<usize>(), any::<usize>(), any::<u8>(), any::<u8>()), 1..6),
    ) {
        let (_, parcel) = encoded().swap_remove(index);
        let damaged = damage(&parcel, &wounds);
        // What a client gets of it is JSON, whatever has happened.
        if let Ok(OpenedParcel { sent: ParcelContent::Envelope(envelope), .. }) = decode(&damaged)
            && let Content::Push { body, .. } | Content::ChannelPush { body, .. } = envelope.content
        {
            prop_assert!(serde_json::from_str::<serde_json::Value>(body.get()).is_ok());
        }
    }

    #[test]
    fn any_headers_and_bytes_are_read_or_refused(
        values in vec("\\PC{0,30}", 7),
        body in vec(any::<u8>(), 0..60),
    ) {
        let names = ["version", "id", "kind", "origin", "topics", "volatile", "meta"];
        let headers = names.into_iter().map(Cow::Borrowed).zip(values).collect();
        let _either = decode(&Parcel { headers, body: body.into() });
    }
}
