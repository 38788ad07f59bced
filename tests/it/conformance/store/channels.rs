//! Channels of groups and between people.

use futures_util::future::join_all;
use vibetalk::model::channel::{Channel, ChannelKind, ChannelPatch};
use vibetalk::model::id::{ChangeId, ChannelId, GroupId, MessageId, UserId};
use vibetalk::store::{ChannelPlace, ChannelsSize, DirectOpening, OpeningQuota, Store};

use super::{
    change_id, channel, insert, message, message_with_id, stored_channel, stored_group,
    stored_message, user_id,
};

fn direct(recipients: &[UserId]) -> Channel {
    let kind = ChannelKind::Direct;
    let recipients = recipients.to_vec();
    Channel { group_id: None, kind, name: String::new(), recipients, ..channel(GroupId::ZERO) }
}

pub async fn channels_are_listed_by_position_then_id(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let mut channels: Vec<Channel> = [3, -1, 3, 0]
        .into_iter()
        .map(|position| Channel { position, ..channel(group_id) })
        .collect();
    for channel in channels.iter().rev() {
        assert!(store.insert_channel(channel).await.unwrap());
    }
    channels.sort_by_key(|channel| (channel.position, channel.id));
    assert_eq!(store.list_channels(&[group_id]).await.unwrap(), channels);
    let other = stored_group(store).await;
    assert!(store.list_channels(&[other]).await.unwrap().is_empty());
}

pub async fn channels_are_measured_as_json(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let size = async || store.find_groups(&[group_id]).await.unwrap()[0].channels;
    assert_eq!(size().await, ChannelsSize::default());
    let mut text_bytes = 0;
    for text in ["plain", "", "\"\\/", "\u{1}\n\t\u{8}\u{c}\u{1f}\u{7f}", "漢é👍\u{2028}'"] {
        let made =
            Channel { name: text.to_owned(), topic: text.to_owned(), ..channel(group_id) };
        store.insert_channel(&made).await.unwrap();
        text_bytes += 2 * serde_json::to_string(text).unwrap().len();
    }
    let expected = ChannelsSize { count: 5, text_bytes };
    assert_eq!(size().await, expected);
}

pub async fn no_channel_is_made_in_a_group_that_does_not_exist(store: &dyn Store) {
    let channel = channel(GroupId::new(3));
    assert!(!store.insert_channel(&channel).await.unwrap());
    assert_eq!(store.find_channel(channel.id).await.unwrap(), None);
}

pub async fn channels_change_field_by_field(store: &dyn Store) {
    let original = Channel {
        kind: ChannelKind::Announcement,
        slow_mode_seconds: 5,
        ..channel(stored_group(store).await)
    };
    store.insert_channel(&original).await.unwrap();
    let renamed = Channel { name: "news".into(), ..original.clone() };
    let changed = Channel {
        topic: "what is new".into(),
        position: -7,
        slow_mode_seconds: 0,
        ..renamed.clone()
    };
    let rest = ChannelPatch {
        name: None,
        topic: Some("what is new".into()),
        position: Some(-7),
        slow_mode_seconds: Some(0),
    };
    for (patch, expected) in [
        (ChannelPatch { name: Some("news".into()), ..ChannelPatch::default() }, &renamed),
        (rest, &changed),
        (ChannelPatch::default(), &changed),
    ] {
        let updated = store.update_channel(original.id, &patch).await.unwrap();
        assert_eq!(updated.as_ref(), Some(expected));
        assert_eq!(store.find_channel(original.id).await.unwrap().as_ref(), Some(expected));
    }
    let unknown = store.update_channel(ChannelId::new(4), &ChannelPatch::default()).await.unwrap();
    assert_eq!(unknown, None);
}

pub async fn a_deleted_channel_takes_its_messages_with_it(store: &dyn Store) {
    let channel_id = stored_channel(store).await;
    let message = stored_message(store, channel_id).await;
    store.insert_pin(channel_id, message.id, change_id()).await.unwrap();

    assert!(store.delete_channel(channel_id).await.unwrap());
    assert!(!store.delete_channel(channel_id).await.unwrap());
    assert_eq!(store.find_channel(channel_id).await.unwrap(), None);
    assert_eq!(store.find_message(channel_id, message.id).await.unwrap(), None);
    assert!(store.messages_before(channel_id, MessageId::MAX, 10).await.unwrap().is_empty());
    assert!(store.messages_after(channel_id, MessageId::ZERO, 10).await.unwrap().is_empty());
    assert!(store.list_messages(channel_id, &[message.id]).await.unwrap().is_empty());
    assert!(store.list_pins(channel_id).await.unwrap().is_empty());
    assert!(store.list_changes(channel_id, ChangeId::ZERO, 10).await.unwrap().is_empty());
}

pub async fn channels_are_found_by_many_ids(store: &dyn Store) {
    let group_id = stored_group(store).await;
    let [here, direct] = [channel(group_id), direct(&[user_id(), user_id()])];
    store.insert_channel(&here).await.unwrap();
    open(store, &direct).await;
    let mut found = store.find_channels(&[direct.id, ChannelId::new(6), here.id]).await.unwrap();
    found.sort_by_key(|channel| channel.id);
    assert_eq!(found, [here, direct]);
}

pub async fn activity_names_what_happened_last(store: &dyn Store) {
    let (group_id, person) = (stored_group(store).await, user_id());
    let (busy, empty, direct) = (channel(group_id), channel(group_id), direct(&[person, user_id()]));
    for channel in [&busy, &empty] {
        store.insert_channel(channel).await.unwrap();
    }
    open(store, &direct).await;
    let newest = message(busy.id);
    insert(store, &newest).await;
    insert(store, &message_with_id(busy.id, MessageId::new(12))).await; // Stored late.
    let to_one = stored_message(store, direct.id).await;

    let places = [&empty, &busy, &direct].map(ChannelPlace::from);
    let activity = async || {
        let mut listed = store.list_activity(person, &places).await.unwrap();
        listed.sort_by_key(|activity| activity.channel_id);
        listed.into_iter().map(|it| (it.channel_id, it.last_message_id, it.last_change_id)).collect::<Vec<_>>()
    };
    let of_direct = (direct.id, Some(to_one.id), None);
    assert_eq!(activity().await, [(busy.id, Some(newest.id), None), of_direct]);

    let changes = [change_id(), change_id()];
    store.insert_pin(busy.id, newest.id, changes[0]).await.unwrap();
    assert_eq!(activity().await[0], (busy.id, Some(newest.id), Some(changes[0])));
    store.delete_message(busy.id, newest.id, changes[1]).await.unwrap();
    let (_, last_message_id, last_change_id) = activity().await[0];
    let about = [Some(newest.id), Some(MessageId::new(12))];
    assert!(about.contains(&last_message_id), "it may name the one that was deleted");
    assert_eq!(last_change_id, Some(changes[1]));
}

/// By the first of its people, without a limit.
async fn open(store: &dyn Store, channel: &Channel) -> DirectOpening {
    let opener = channel.recipients[0];
    let quota = OpeningQuota { opener, since: ChannelId::ZERO, opened_max: u32::MAX };
    store.open_direct_channel(channel, quota).await.unwrap()
}

pub async fn the_same_people_have_one_direct_channel(store: &dyn Store) {
    let [a, b, c] = [user_id(), user_id(), user_id()];
    let first = direct(&[a, b]);
    assert_eq!(open(store, &first).await, DirectOpening::New(first.clone()));
    assert_eq!(open(store, &direct(&[a, b])).await, DirectOpening::Found(first.clone()));
    let with_third = direct(&[a, b, c]);
    assert_eq!(open(store, &with_third).await, DirectOpening::New(with_third));
    assert_eq!(store.find_channel(first.id).await.unwrap(), Some(first));
}

pub async fn racing_openers_get_one_direct_channel(store: &dyn Store) {
    let people = [user_id(), user_id()];
    let candidates: Vec<Channel> = (0..10).map(|_| direct(&people)).collect();
    let opened = join_all(candidates.iter().map(|candidate| open(store, candidate))).await;
    let listed = store.list_direct_channels(people[1], 9).await.unwrap();
    assert_eq!(listed.len(), 1);
    let new = DirectOpening::New(listed[0].clone());
    assert_eq!(opened.iter().filter(|opening| **opening == new).count(), 1);
    let found = DirectOpening::Found(listed[0].clone());
    assert_eq!(opened.iter().filter(|opening| **opening == found).count(), 9);
}

pub async fn direct_channels_are_listed_by_person(store: &dyn Store) {
    let [a, b, c] = [user_id(), user_id(), user_id()];
    let opened = [direct(&[a, b]), direct(&[a, c]), direct(&[b, c])];
    for channel in &opened {
        open(store, channel).await;
    }
    assert_eq!(store.list_direct_channels(a, 9).await.unwrap(), opened[..2]);
    assert_eq!(store.list_direct_channels(c, 9).await.unwrap(), opened[1..]);
    assert!(store.list_direct_channels(user_id(), 9).await.unwrap().is_empty());
}

pub async fn the_direct_channels_with_the_newest_messages_are_listed(store: &dyn Store) {
    let person = user_id();
    let opened: [Channel; 4] = std::array::from_fn(|_| direct(&[person, user_id()]));
    for channel in &opened {
        open(store, channel).await;
    }
    stored_message(store, opened[0].id).await;
    let listed = async |limit| {
        let listed = store.list_direct_channels(person, limit).await.unwrap();
        listed.iter().map(|channel| channel.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(2).await, [opened[0].id, opened[3].id]);
    stored_message(store, opened[1].id).await;
    assert_eq!(listed(2).await, [opened[0].id, opened[1].id]);
    assert_eq!(listed(9).await, opened.each_ref().map(|channel| channel.id));
}

pub async fn somebody_opens_a_bounded_number_of_direct_channels(store: &dyn Store) {
    let [person, other] = [user_id(), user_id()];
    // Opened by somebody else, and opened long ago: neither counts.
    open(store, &direct(&[user_id(), person])).await;
    let channels: [Channel; 4] = std::array::from_fn(|_| direct(&[person, user_id()]));
    let opens = |channel: &Channel, since| {
        let quota = OpeningQuota { opener: person, since, opened_max: 2 };
        let channel = channel.clone();
        async move { store.open_direct_channel(&channel, quota).await.unwrap() }
    };
    for channel in &channels[..3] {
        assert_eq!(opens(channel, channels[1].id).await, DirectOpening::New(channel.clone()));
    }
    let too_many = DirectOpening::TooMany { first: channels[1].id };
    assert_eq!(opens(&channels[3], channels[1].id).await, too_many);
    assert_eq!(store.find_channel(channels[3].id).await.unwrap(), None);
    let found = opens(&channels[0], channels[1].id).await;
    assert_eq!(found, DirectOpening::Found(channels[0].clone()));
    assert_eq!(opens(&channels[3], channels[2].id).await, DirectOpening::New(channels[3].clone()));
    open(store, &direct(&[other, person])).await;
}
