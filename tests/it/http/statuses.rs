//! The statuses of success: 201 only where something new is stored, 204 without data, else 200.

use serde_json::{Value, json};

use super::{Answer, TestApi};

/// The answer to a request of the API that succeeds with `status`.
async fn check(api: &TestApi, line: &str, token: &str, body: Option<Value>, status: u16) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let answer = api.send(method, &format!("/api/v1/{path}"), token, body).await;
    assert_eq!(answer.status, status, "{line}: {}", answer.text);
    if status == 204 {
        assert_eq!(answer.text, "", "{line}");
    } else {
        assert_eq!(answer.headers["content-type"], "application/json", "{line}");
        assert!(answer.json().get("ok").is_none(), "{line}: successes are the bare data");
    }
    answer
}

#[tokio::test]
async fn signing_in_and_out() {
    let api = TestApi::start().await;
    let body = json!({ "username": "ada", "password": "correct horse", "displayName": "Ada" });
    check(&api, "POST auth/register", "", Some(body.clone()), 201).await;
    api.send("POST", "/api/v1/auth/register", "", Some(body)).await.check_refused(409, "conflict");
    let login = json!({ "username": "Ada", "password": "correct horse" });
    let tokens = check(&api, "POST auth/login", "", Some(login), 200).await.json();
    let refresh = json!({ "refreshToken": tokens["refreshToken"] });
    let tokens = check(&api, "POST auth/refresh", "", Some(refresh), 200).await.json();
    let token = tokens["accessToken"].as_str().unwrap();

    let listed = check(&api, "GET auth/sessions", token, None, 200).await.json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    let end = format!("DELETE auth/sessions/{}", other["id"].as_str().unwrap());
    check(&api, &end, token, None, 204).await;
    let change = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    check(&api, "POST auth/password", token, Some(change), 204).await;
    check(&api, "POST auth/logout", token, None, 204).await;
}

#[tokio::test]
async fn people() {
    let api = TestApi::start().await;
    let (token, user_id) = api.register("ada").await;
    assert_eq!(check(&api, "GET users/me", &token, None, 200).await.json()["id"], *user_id);
    let change = json!({ "displayName": "Countess" });
    let changed = check(&api, "PATCH users/me", &token, Some(change), 200).await.json();
    assert_eq!(changed["displayName"], "Countess");
    let change = json!({ "settings": { "theme": "dark", "density": 1 } });
    let kept = check(&api, "PATCH users/me/settings", &token, Some(change.clone()), 200).await;
    assert_eq!(kept.json(), change);
    assert_eq!(check(&api, "GET users/me/settings", &token, None, 200).await.json(), change);
    let found = check(&api, "GET users?query=AD&limit=5", &token, None, 200).await.json();
    assert_eq!(found["users"][0]["id"], *user_id);
}

#[tokio::test]
async fn groups_channels_members_and_invites() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let (member, member_id) = api.register("member").await;
    let name = Some(json!({ "name": "x" }));
    let group = check(&api, "POST groups", &owner, name.clone(), 201).await.json();
    let group_id = group["id"].as_str().unwrap();
    check(&api, &format!("GET groups/{group_id}"), &owner, None, 200).await;
    check(&api, &format!("PATCH groups/{group_id}"), &owner, name.clone(), 200).await;
    let groups = check(&api, "GET groups", &owner, None, 200).await.json();
    assert_eq!(groups["groups"].as_array().unwrap().len(), 2, "and the official one");

    let channels = format!("groups/{group_id}/channels");
    let channel = check(&api, &format!("POST {channels}"), &owner, name, 201).await.json();
    let channel_id = channel["id"].as_str().unwrap();
    let listed = check(&api, &format!("GET {channels}"), &owner, None, 200).await.json();
    assert_eq!(listed["channels"].as_array().unwrap().len(), 2);
    check(&api, &format!("GET channels/{channel_id}"), &owner, None, 200).await;
    let topic = Some(json!({ "topic": "x" }));
    check(&api, &format!("PATCH channels/{channel_id}"), &owner, topic, 200).await;
    check(&api, &format!("DELETE channels/{channel_id}"), &owner, None, 204).await;

    let invites = format!("groups/{group_id}/invites");
    let invite = check(&api, &format!("POST {invites}"), &owner, None, 201).await.json();
    let code = invite["code"].as_str().unwrap();
    check(&api, &format!("GET {invites}"), &owner, None, 200).await;
    check(&api, &format!("GET invites/{code}"), &member, None, 200).await;
    check(&api, &format!("POST invites/{code}/accept"), &member, None, 200).await;
    check(&api, &format!("DELETE invites/{code}"), &owner, None, 204).await;

    let members = format!("groups/{group_id}/members");
    let listed = check(&api, &format!("GET {members}?query=mem"), &owner, None, 200).await.json();
    assert_eq!(listed["members"][0]["userId"], *member_id);
    let nickname = Some(json!({ "nickname": "Nick" }));
    check(&api, &format!("PATCH {members}/{member_id}"), &owner, nickname, 200).await;
    check(&api, &format!("DELETE {members}/{member_id}?reason=x"), &owner, None, 204).await;

    let bans = format!("groups/{group_id}/bans");
    let reason = Some(json!({ "reason": "spam" }));
    check(&api, &format!("PUT {bans}/{member_id}"), &owner, reason, 204).await;
    let listed = check(&api, &format!("GET {bans}"), &owner, None, 200).await.json();
    assert_eq!(listed["bans"][0]["reason"], "spam");
    check(&api, &format!("DELETE {bans}/{member_id}"), &owner, None, 204).await;
    check(&api, &format!("DELETE groups/{group_id}"), &owner, None, 204).await;
}

#[tokio::test]
async fn leaving_a_group() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let (member, _) = api.register("member").await;
    let (group_id, _) = api.group(&owner).await;
    let line = format!("POST groups/{group_id}/invites");
    let invite = check(&api, &line, &owner, None, 201).await.json();
    let accept = format!("POST invites/{}/accept", invite["code"].as_str().unwrap());
    check(&api, &accept, &member, None, 200).await;
    check(&api, &format!("POST groups/{group_id}/leave"), &member, None, 204).await;
    let leave = format!("/api/v1/groups/{group_id}/leave");
    api.send("POST", &leave, &owner, None).await.check_refused(403, "forbidden");
}

#[tokio::test]
async fn messages_are_new_once_a_nonce() {
    let api = TestApi::start().await;
    let (token, user_id) = api.register("ada").await;
    let (_, channel_id) = api.group(&token).await;
    let messages = format!("channels/{channel_id}/messages");
    let post = format!("POST {messages}");
    let body = Some(json!({ "content": " as sent\n", "nonce": "n" }));
    let sent = check(&api, &post, &token, body.clone(), 201).await.json();
    assert_eq!((&sent["content"], &sent["author"]["id"]), (&json!(" as sent\n"), &json!(user_id)));
    let again = check(&api, &post, &token, body, 200).await.json();
    assert_eq!(again["id"], sent["id"]);

    let message = format!("{messages}/{}", sent["id"].as_str().unwrap());
    let edit = Some(json!({ "content": "edited" }));
    check(&api, &format!("PATCH {message}"), &token, edit, 200).await;
    let shown = check(&api, &format!("GET {message}"), &token, None, 200).await.json();
    assert_eq!(shown["content"], "edited");
    let page = check(&api, &format!("GET {messages}?limit=1"), &token, None, 200).await.json();
    assert_eq!((&page["messages"][0], &page["hasMore"]), (&shown, &json!(false)));
    check(&api, &format!("DELETE {message}"), &token, None, 204).await;
    let gone = api.send("GET", &format!("/api/v1/{message}"), &token, None).await;
    gone.check_refused(404, "message_not_found");
}

#[tokio::test]
async fn reactions_pins_and_read_states() {
    let api = TestApi::start().await;
    let (token, user_id) = api.register("ada").await;
    let (_, channel_id) = api.group(&token).await;
    let post = format!("POST channels/{channel_id}/messages");
    let sent = check(&api, &post, &token, Some(json!({ "content": "x" })), 201).await.json();
    let message_id = sent["id"].as_str().unwrap();

    // 👍/?#% with its slash, and a plus that stays one.
    let emoji = "%F0%9F%91%8D%2F%3F%23%25+";
    let reaction = format!("channels/{channel_id}/messages/{message_id}/reactions/{emoji}");
    check(&api, &format!("PUT {reaction}"), &token, None, 204).await;
    check(&api, &format!("PUT {reaction}"), &token, None, 204).await;
    let who = check(&api, &format!("GET {reaction}?limit=5"), &token, None, 200).await.json();
    assert_eq!(who["users"][0]["id"], *user_id);
    let line = format!("GET channels/{channel_id}/messages/{message_id}");
    let shown = check(&api, &line, &token, None, 200).await.json();
    assert_eq!(shown["reactions"], json!([{ "emoji": "👍/?#%+", "count": 1, "me": true }]));
    check(&api, &format!("DELETE {reaction}"), &token, None, 204).await;

    let pins = format!("channels/{channel_id}/pins");
    check(&api, &format!("PUT {pins}/{message_id}"), &token, None, 204).await;
    let pinned = check(&api, &format!("GET {pins}"), &token, None, 200).await.json();
    assert_eq!(pinned["messages"][0]["id"], *message_id);
    check(&api, &format!("DELETE {pins}/{message_id}"), &token, None, 204).await;

    let body = Some(json!({ "messageId": message_id }));
    let line = format!("PUT channels/{channel_id}/read");
    let read = check(&api, &line, &token, body, 200).await.json();
    assert_eq!(read["lastReadId"], *message_id);
}

#[tokio::test]
async fn a_direct_channel_is_new_once() {
    let api = TestApi::start().await;
    let (one, _) = api.register("one").await;
    let (_, other_id) = api.register("other").await;
    let body = Some(json!({ "userIds": [other_id] }));
    let opened = check(&api, "POST direct-channels", &one, body.clone(), 201).await.json();
    let again = check(&api, "POST direct-channels", &one, body, 200).await.json();
    assert_eq!(opened, again);
}
