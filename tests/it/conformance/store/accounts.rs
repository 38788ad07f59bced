//! People: unique names, searches, changes.

use futures_util::future::join_all;
use vibetalk::model::account::{Account, User, UserPatch};
use vibetalk::store::{Store, StoreError};

use super::{account, user_id};

async fn stored(store: &dyn Store, username: &str, display_name: &str) -> User {
    let mut account = account();
    account.user.username = username.into();
    account.user.display_name = display_name.into();
    store.insert_account(&account).await.unwrap();
    account.user
}

async fn check_search(store: &dyn Store, prefix: &str, expected: &[&str]) {
    let found = store.search_users(prefix, 10).await.unwrap();
    let found: Vec<&str> = found.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(found, expected, "{prefix:?}");
}

pub async fn an_account_is_found_by_id_and_by_name_in_any_case(store: &dyn Store) {
    let mut account = account();
    account.user.username = "Ada_Lovelace".into();
    account.user.avatar = Some("https://example.org/a.png".into());
    account.operator = true;
    store.insert_account(&account).await.unwrap();

    let by_id = store.find_account(account.user.id).await.unwrap();
    assert!(by_id.as_ref() == Some(&account));
    let by_name = store.find_account_by_name("aDA_lovelace").await.unwrap();
    assert!(by_name == Some(account));
    assert!(store.find_account(user_id()).await.unwrap().is_none());
    assert!(store.find_account_by_name("ada").await.unwrap().is_none());
}

pub async fn a_user_name_is_unique_without_case(store: &dyn Store) {
    stored(store, "Grace", "Grace").await;
    let mut second = account();
    second.user.username = "gRACE".into();
    let refused = store.insert_account(&second).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    assert!(store.find_account(second.user.id).await.unwrap().is_none());
}

pub async fn one_of_racing_inserts_of_a_name_succeeds(store: &dyn Store) {
    let with_name = |_| {
        let mut account = account();
        account.user.username = "wanted".into();
        account
    };
    let accounts: Vec<Account> = (0..20).map(with_name).collect();
    let outcomes = join_all(accounts.iter().map(|account| store.insert_account(account))).await;

    let won: Vec<usize> = (0..20).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(won.len(), 1);
    let stored = store.find_account_by_name("wanted").await.unwrap().unwrap();
    assert_eq!(stored.user.id, accounts[won[0]].user.id);
}

pub async fn repeating_an_insert_of_an_account_changes_nothing(store: &dyn Store) {
    let account = account();
    store.insert_account(&account).await.unwrap();
    store.set_operator(account.user.id, true).await.unwrap();
    store.insert_account(&account).await.unwrap(); // A retry after a lost answer.
    assert!(store.find_account(account.user.id).await.unwrap().unwrap().operator);
}

pub async fn users_change_field_by_field(store: &dyn Store) {
    let user = stored(store, "alan", "Alan").await;
    let avatar = Some("https://example.org/alan.png".to_owned());
    for (patch, expected) in [
        (
            UserPatch { display_name: Some("Alan T.".into()), avatar: None },
            ("Alan T.", None),
        ),
        (
            UserPatch { display_name: None, avatar: Some(avatar.clone()) },
            ("Alan T.", avatar.clone()),
        ),
        (UserPatch::default(), ("Alan T.", avatar)),
        (UserPatch { display_name: None, avatar: Some(None) }, ("Alan T.", None)),
    ] {
        let updated = store.update_user(user.id, &patch).await.unwrap().unwrap();
        assert_eq!((updated.display_name.as_str(), updated.avatar.clone()), expected);
        assert_eq!(store.find_account(user.id).await.unwrap().unwrap().user, updated);
    }
    assert!(store.update_user(user_id(), &UserPatch::default()).await.unwrap().is_none());
}

pub async fn operators_change(store: &dyn Store) {
    let account = account();
    store.insert_account(&account).await.unwrap();
    store.set_operator(account.user.id, true).await.unwrap();
    assert!(store.find_account(account.user.id).await.unwrap().unwrap().operator);
}

pub async fn unknown_users_are_left_out_of_lists(store: &dyn Store) {
    let ada = stored(store, "ada", "Ada").await;
    let bob = stored(store, "bob", "Bob").await;
    let mut listed = store.list_users(&[bob.id, user_id(), ada.id]).await.unwrap();
    listed.sort_by_key(|user| user.id);
    assert_eq!(listed, [ada, bob]);
    assert!(store.list_users(&[]).await.unwrap().is_empty());
}

pub async fn users_are_searched_by_both_names_without_case(store: &dyn Store) {
    stored(store, "Anna", "Zoe").await;
    stored(store, "zoltan", "Bernd").await;
    stored(store, "mike", "ÄRGER Joe").await;
    check_search(store, "ZO", &["Anna", "zoltan"]).await;
    check_search(store, "an", &["Anna"]).await;
    check_search(store, "ärg", &["mike"]).await;
    check_search(store, "joe", &["mike"]).await;
    check_search(store, "oe", &[]).await;
}

pub async fn users_are_searched_from_each_word_of_their_display_names(store: &dyn Store) {
    let zorn = stored(store, "emile.zorn", "Émile  \"Zo\" Zorn").await;
    stored(store, "ana", "Ana Anaconda").await;
    stored(store, "berta", "Straße-Στράτος").await;
    for query in ["zorn", "ZOR", "zo\" zorn", "éMILE", "e\u{301}mile  \"zo"] {
        check_search(store, query, &["emile.zorn"]).await;
    }
    check_search(store, "zo", &["emile.zorn"]).await;
    check_search(store, "strass", &["berta"]).await;
    check_search(store, "ΣΤΡΆΤΟΣ", &["berta"]).await;
    check_search(store, "ana", &["ana"]).await;
    for query in ["orn", "mile", "zorn é", "emile-zorn"] {
        check_search(store, query, &[]).await;
    }
    let patch = UserPatch { display_name: Some("Émile Ajar".into()), avatar: None };
    store.update_user(zorn.id, &patch).await.unwrap();
    check_search(store, "aja", &["emile.zorn"]).await;
    check_search(store, "zorn", &[]).await;
    let patch = UserPatch { display_name: None, avatar: Some(None) };
    store.update_user(zorn.id, &patch).await.unwrap();
    check_search(store, "aja", &["emile.zorn"]).await;
}

pub async fn searches_take_no_wildcards(store: &dyn Store) {
    stored(store, "percy", "100% Percy").await;
    stored(store, "under_score", "Under").await;
    check_search(store, "%", &[]).await;
    check_search(store, "_", &[]).await;
    check_search(store, "per%", &[]).await;
    check_search(store, "100%", &["percy"]).await;
    check_search(store, "under_", &["under_score"]).await;
}

pub async fn searches_follow_a_changed_display_name(store: &dyn Store) {
    let user = stored(store, "person", "Before").await;
    let patch = UserPatch { display_name: Some("After".into()), avatar: None };
    store.update_user(user.id, &patch).await.unwrap();
    check_search(store, "before", &[]).await;
    check_search(store, "after", &["person"]).await;
}

pub async fn searches_are_ordered_and_limited(store: &dyn Store) {
    for username in ["xd", "xB", "xa", "xc"] {
        stored(store, username, username).await;
    }
    stored(store, "aa", "x first by user name").await;
    let found = store.search_users("x", 3).await.unwrap();
    let found: Vec<&str> = found.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(found, ["aa", "xa", "xB"]);
}
