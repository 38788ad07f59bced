//! Members: the list, nicknames and roles.

use vibetalk::chat::members::{ListMembers, UpdateMember};
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::id::{GroupId, UserId};

use super::{TestChat, code};

impl TestChat {
    async fn rename(
        &self,
        caller: Caller,
        group_id: GroupId,
        target: Caller,
        nickname: Option<&str>,
    ) -> Result<Option<String>, ChatError> {
        let nickname = nickname.map(ToString::to_string);
        let request = UpdateMember { nickname: Some(nickname), roles: None };
        let member = self.chat.update_member(caller, group_id, target.user_id, request).await?;
        Ok(member.nickname)
    }

    async fn page(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: ListMembers,
    ) -> (Vec<UserId>, bool) {
        let page = self.chat.list_members(caller, group_id, request).await.unwrap();
        (page.members.iter().map(|member| member.user.id).collect(), page.has_more)
    }
}

#[tokio::test]
async fn pages_are_in_order_of_user_id() {
    let test = TestChat::start();
    let people: [Caller; 20] = test.people("p").await;
    let group_id = test.group(people[19], &people[..19]).await.group.id;
    let ids: Vec<UserId> = people.iter().map(|person| person.user_id).collect();
    let request = |after: Option<UserId>, limit| ListMembers { query: None, after, limit };
    let page = async |after, limit| test.page(people[0], group_id, request(after, limit)).await;
    assert_eq!(page(None, None).await, (ids.clone(), false));
    assert_eq!(page(None, Some(20)).await, (ids.clone(), false));
    assert_eq!(page(None, Some(19)).await, (ids[..19].to_vec(), true));
    assert_eq!(page(Some(ids[4]), Some(2)).await, (ids[5..7].to_vec(), true));
    assert_eq!(page(Some(ids[19]), None).await, (vec![], false));
    let named = ListMembers { query: Some("P1".to_owned()), after: None, limit: Some(3) };
    let expected = [&ids[1..2], &ids[10..12]].concat();
    assert_eq!(test.page(people[0], group_id, named).await, (expected, true));
}

#[tokio::test]
async fn a_query_has_1_to_64_characters() {
    let test = TestChat::start();
    let [owner, stranger] = test.people("p").await;
    let group_id = test.group(owner, &[]).await.group.id;
    let query = |text: String| ListMembers { query: Some(text), after: None, limit: None };
    let list =
        async |caller, text| code(test.chat.list_members(caller, group_id, query(text)).await);
    assert_eq!(list(owner, String::new()).await, "invalid_request");
    assert_eq!(list(owner, "x".repeat(65)).await, "too_large");
    assert_eq!(list(stranger, "x".repeat(65)).await, "group_not_found");
}

#[tokio::test]
async fn everybody_changes_their_own_nickname() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group_id = test.group(owner, &[member]).await.group.id;
    test.announced().await;
    let rename = async |nickname| test.rename(member, group_id, member, nickname).await.unwrap();
    assert_eq!(rename(Some("Nick")).await.as_deref(), Some("Nick"));
    assert_eq!(test.announced().await, ["member:updated to group"]);
    assert_eq!(rename(Some("Nick")).await.as_deref(), Some("Nick"));
    assert!(test.announced().await.is_empty(), "nothing has changed");
    assert_eq!(rename(Some("")).await, None);
    rename(Some("Nick")).await;
    assert_eq!(rename(None).await, None);
}

#[tokio::test]
async fn nicknames_of_others_take_a_higher_rank() {
    let test = TestChat::start();
    let [owner, admin, moderator, member, other] = test.people("p").await;
    let group_id = test.group(owner, &[admin, moderator, member, other]).await.group.id;
    test.give_roles(owner, group_id, admin, &["admin"]).await.unwrap();
    test.give_roles(owner, group_id, moderator, &["moderator"]).await.unwrap();
    for (caller, target, expected) in [
        (member, other, "forbidden"),
        (moderator, member, "ok"),
        (moderator, admin, "forbidden"),
        (admin, moderator, "ok"),
        (admin, owner, "forbidden"),
        (owner, admin, "ok"),
    ] {
        assert_eq!(code(test.rename(caller, group_id, target, Some("new")).await), expected);
    }
    let stranger = test.person("stranger").await;
    let refused = test.rename(owner, group_id, stranger, Some("x")).await;
    assert_eq!(code(refused), "member_not_found");
}

#[tokio::test]
async fn roles_are_given_below_ones_own_and_never_to_oneself() {
    let test = TestChat::start();
    let [owner, admin, moderator, member] = test.people("p").await;
    let group_id = test.group(owner, &[admin, moderator, member]).await.group.id;
    test.give_roles(owner, group_id, admin, &["admin"]).await.unwrap();
    test.give_roles(owner, group_id, moderator, &["moderator"]).await.unwrap();
    for (caller, target, roles, expected) in [
        (member, member, &["moderator"][..], "forbidden"),
        (moderator, member, &["moderator"], "forbidden"),
        (moderator, moderator, &[], "forbidden"),
        (moderator, admin, &[], "forbidden"),
        (admin, admin, &["admin", "moderator"], "forbidden"),
        (admin, member, &["admin"], "forbidden"),
        (admin, owner, &[], "forbidden"),
        (admin, member, &["moderator"], "ok"),
        (admin, member, &[], "ok"),
        (owner, member, &["king"], "invalid_request"),
        (owner, member, &["admin"], "ok"),
        (owner, owner, &["admin"], "forbidden"),
    ] {
        let result = test.give_roles(caller, group_id, target, roles).await;
        assert_eq!(code(result), expected, "{roles:?}");
    }
}

#[tokio::test]
async fn a_role_holds_at_once_and_its_bearer_learns_of_the_permissions() {
    let test = TestChat::start();
    let [owner, member] = test.people("p").await;
    let group = test.group(owner, &[member]).await;
    let (group_id, channel_id) = (group.group.id, group.channels[0].id);
    test.chat.get_channel(member, channel_id).await.unwrap(); // Now it is cached.
    test.announced().await;
    test.give_roles(owner, group_id, member, &["moderator"]).await.unwrap();
    let me = member.user_id;
    let expected =
        [format!("member:updated to group, {me} is in"), format!("channel:updated to user {me}")];
    assert_eq!(test.announced().await, expected);
    let channel = test.chat.get_channel(member, channel_id).await.unwrap();
    assert_eq!(channel.permissions.unwrap().bits(), 463);

    test.give_roles(owner, group_id, member, &[]).await.unwrap();
    let pushed = test.bodies("channel:updated").await;
    assert_eq!(pushed[0]["permissions"], "135");
}
