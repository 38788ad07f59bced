//! The store as a whole.

use vibetalk::model::account::Session;
use vibetalk::model::channel::Channel;
use vibetalk::model::group::Group;
use vibetalk::model::id::{ChangeId, ChannelId, GroupId, MessageId, SessionId, UserId};
use vibetalk::store::Store;

use super::{
    NOW_MS, account, channel, group, insert, message_with_id, stored_channel, stored_group, user_id,
};

pub async fn a_probe_succeeds_again_and_again(store: &dyn Store) {
    for now_ms in [NOW_MS, NOW_MS, NOW_MS + 1] {
        store.probe(now_ms).await.unwrap();
    }
}

pub async fn the_newest_id_is_the_highest_of_all_kinds(store: &dyn Store) {
    assert_eq!(store.newest_id().await.unwrap(), 0);
    let ahead = |seconds: u64| (NOW_MS + seconds * 1000) << 21;
    let check = async |newest: u64| assert_eq!(store.newest_id().await.unwrap(), newest);

    let mut somebody = account();
    somebody.user.id = UserId::new(ahead(1));
    store.insert_account(&somebody).await.unwrap();
    check(ahead(1)).await;
    let session = Session {
        id: SessionId::new(ahead(2)),
        user_id: user_id(),
        refresh_hash: [0; 32],
        created_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1,
        user_agent: String::new(),
    };
    store.insert_session(&session).await.unwrap();
    check(ahead(2)).await;
    let group = Group { id: GroupId::new(ahead(3)), ..group() };
    store.insert_group(&group, &[], &[], &[]).await.unwrap();
    check(ahead(3)).await;
    let channel = Channel { id: ChannelId::new(ahead(4)), ..channel(stored_group(store).await) };
    store.insert_channel(&channel).await.unwrap();
    check(ahead(4)).await;

    let channel_id = stored_channel(store).await;
    let newest = MessageId::new(ahead(5));
    insert(store, &message_with_id(channel_id, newest)).await;
    insert(store, &message_with_id(channel_id, MessageId::new(9))).await;
    check(ahead(5)).await;
    store.delete_message(channel_id, newest, ChangeId::new(ahead(6))).await.unwrap();
    check(ahead(6)).await;
}
