//! Everything from the file of a growing installation to the database of several nodes, to a backup, and back.

use std::io::Cursor;

use vibetalk::clock::Clock;
use vibetalk::model::account::{Account, User};
use vibetalk::model::id::{MessageId, UserId};
use vibetalk::model::message::Message;
use vibetalk::store::records::{Record, RecordKind};
use vibetalk::store::sqlite::SqliteStore;
use vibetalk::store::transfer::{self, CopyPlace, TransferError};
use vibetalk::store::{AccountStore, RecordStore, Store, StoreError};

use super::records::{all, fill, sorted};
use super::{NOW_MS, account, message, sqlite_config, stored_channel};
use crate::cassandra::OwnStore;

fn sqlite() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&sqlite_config(folder.path()), Clock::fixed(NOW_MS)).unwrap();
    (folder, store)
}

async fn check_same(one: &dyn Store, other: &dyn Store) {
    transfer::compare(one, other, NOW_MS, |_, _| {}).await.unwrap();
    let [ones, others] = [all(one, 500).await, all(other, 500).await];
    assert_eq!(sorted(&ones), sorted(&others));
}

/// What people see, beyond the records: counts, what waits, who is found.
async fn check_seen(one: &dyn Store, other: &dyn Store) {
    for record in all(one, 500).await {
        match record {
            Record::Message(message) => {
                let at = (message.channel_id, [message.id]);
                let counts = one.count_reactions(at.0, &at.1, Some(message.author_id)).await;
                let others = other.count_reactions(at.0, &at.1, Some(message.author_id)).await;
                assert_eq!(counts.unwrap(), others.unwrap());
            }
            Record::Account(account) => {
                let name = &account.user.username;
                let found = one.search_users(name, 10).await.unwrap();
                assert_eq!(other.search_users(name, 10).await.unwrap(), found);
                let user_id = account.user.id;
                let memberships = one.list_memberships(user_id).await.unwrap();
                assert_eq!(other.list_memberships(user_id).await.unwrap(), memberships);
                let direct = one.list_direct_channels(user_id, 10).await.unwrap();
                assert_eq!(other.list_direct_channels(user_id, 10).await.unwrap(), direct);
            }
            Record::Channel(channel) => {
                let pins = one.list_pins(channel.id).await.unwrap();
                assert_eq!(other.list_pins(channel.id).await.unwrap(), pins);
                let history = one.messages_before(channel.id, MessageId::MAX, 100).await.unwrap();
                let others = other.messages_before(channel.id, MessageId::MAX, 100).await.unwrap();
                assert_eq!(others, history);
            }
            Record::Group(group) => {
                let id = [group.group.id];
                let counted = one.count_members(&id).await.unwrap();
                assert_eq!(other.count_members(&id).await.unwrap(), counted);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_holds_everything_and_so_does_a_backup_of_it() {
    let (_folder, file) = sqlite();
    fill(&file).await;
    let database = OwnStore::open(Clock::fixed(NOW_MS)).await;
    let mut places = Vec::new();
    let note = |_, _, place: &CopyPlace| {
        places.push(place.clone());
        Ok(())
    };
    let copied = transfer::copy(&file, &*database, CopyPlace::START, note).await.unwrap();
    assert_eq!(copied, all(&file, 500).await.len() as u64);
    check_same(&file, &*database).await;
    check_seen(&file, &*database).await;
    // Broken off anywhere, it comes to the same.
    let again =
        transfer::copy(&file, &*database, places[9].clone(), |_, _, _| Ok(())).await.unwrap();
    assert_eq!(again, copied);
    check_same(&file, &*database).await;

    let mut backup = Vec::new();
    let written = transfer::export(&*database, &mut backup, |_, _| {}).await.unwrap();
    assert_eq!(written, copied);
    let (_other_folder, other) = sqlite();
    let mut reader = Cursor::new(&backup);
    assert_eq!(transfer::import(&mut reader, &other, |_, _| {}).await.unwrap(), copied);
    check_same(&file, &other).await;
    check_seen(&file, &other).await;
    database.close().await;
}

#[tokio::test]
async fn a_backup_that_is_cut_off_is_noticed() {
    let (_folder, file) = sqlite();
    fill(&file).await;
    let mut backup = Vec::new();
    transfer::export(&file, &mut backup, |_, _| {}).await.unwrap();
    let lines: Vec<&[u8]> = backup.split_inclusive(|byte| *byte == b'\n').collect();
    let import = async |lines: &[&[u8]]| {
        let (_folder, other) = sqlite();
        transfer::import(&mut Cursor::new(lines.concat()), &other, |_, _| {}).await
    };
    assert!(import(&lines).await.is_ok());
    let without_end = import(&lines[..lines.len() - 1]).await;
    assert!(matches!(without_end, Err(TransferError::CutOff { .. })), "{without_end:?}");
    let one_is_missing = [&lines[..3], &lines[4..]].concat();
    let one_is_missing = import(&one_is_missing).await;
    assert!(matches!(one_is_missing, Err(TransferError::CutOff { .. })), "{one_is_missing:?}");
    let no_backup = import(&[b"hello\n"]).await;
    assert!(matches!(no_backup, Err(TransferError::Line { line: 1, .. })), "{no_backup:?}");
    let newer = import(&[b"{\"vibetalk_backup\":99}\n"]).await;
    assert!(matches!(newer, Err(TransferError::Format { found: 99, .. })), "{newer:?}");
}

#[tokio::test]
async fn a_copy_is_compared_channel_by_channel() {
    let [(_folder, one), (_other_folder, other)] = [sqlite(), sqlite()];
    fill(&one).await;
    transfer::copy(&one, &other, CopyPlace::START, |_, _, _| Ok(())).await.unwrap();
    let channel_id = stored_channel(&one).await;
    let sent = Message { author_id: UserId::new(5), ..message(channel_id) };
    one.write_record(&Record::Message(sent)).await.unwrap();
    let compared = transfer::compare(&one, &other, NOW_MS, |_, _| {}).await;
    let Err(TransferError::Different(what)) = compared else { panic!("{compared:?}") };
    assert!(what.contains(&format!("messages of channel {channel_id} (1 and 0)")), "{what:?}");
}

/// Another person has the name: nothing is overwritten.
#[tokio::test]
async fn what_is_not_empty_is_not_copied_into() {
    let [(_folder, one), (_other_folder, other)] = [sqlite(), sqlite()];
    let named = |username: &str| {
        let account = account();
        Account { user: User { username: username.into(), ..account.user.clone() }, ..account }
    };
    let [mine, theirs] = [named("somebody"), named("Somebody")];
    one.insert_account(&mine).await.unwrap();
    other.insert_account(&theirs).await.unwrap();
    let copied = transfer::copy(&one, &other, CopyPlace::START, |_, _, _| Ok(())).await;
    assert!(matches!(copied, Err(TransferError::Taken { kind: "accounts" })), "{copied:?}");
    assert!(other.find_account(mine.user.id).await.unwrap().is_none());
    let refused = other.write_record(&Record::Account(mine)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    let page = other.read_records(RecordKind::Account, None, 10).await.unwrap();
    assert_eq!(page.records.len(), 1);
}
