//! Every request a socket can make, and the command that carries it out.
//!
//! A handler takes its request apart and calls `chat`; rules are the command's.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bus::envelope::Topic;
use crate::chat::ChatError;
use crate::chat::direct::OpenDirect;
use crate::chat::limits::WATCHED_USERS_MAX;
use crate::chat::messages::CreateMessage;
use crate::chat::presence::{ChannelRef, Presences, UpdatePresence};
use crate::chat::reactions::ReactionTarget;
use crate::chat::views::{ChannelView, Empty};
use crate::gateway::dispatch::{Route, answer, answer_in};
use crate::gateway::fanout::bindings::Bindings;
use crate::gateway::session::SocketSession;
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};

type S = Arc<SocketSession>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageRef {
    channel_id: ChannelId,
    message_id: MessageId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReactionRef {
    channel_id: ChannelId,
    message_id: MessageId,
    emoji: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupRef {
    group_id: GroupId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberRef {
    group_id: GroupId,
    user_id: UserId,
}

impl From<ReactionRef> for ReactionTarget {
    fn from(ReactionRef { channel_id, message_id, emoji }: ReactionRef) -> Self {
        Self { channel_id, message_id, emoji }
    }
}

#[derive(Deserialize)]
struct InviteRef {
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WatchPresence {
    user_ids: Vec<UserId>,
}

/// An object of which nothing is read.
#[derive(Deserialize)]
struct Nothing {}

/// The table of [`Route`]s: `|session, request| answer`, or `|session, place, request| answer` for
/// a request within something. `done` stands before those whose ack carries nothing.
macro_rules! routes {
    ($($event:literal => $($done:ident)? |$($argument:ident $(: $type:ty)?),+| $answer:expr;)+) => {
        /// Sorted by event, for [`find`].
        static ROUTES: [Route<S>; [$($event),+].len()] = [$(
            Route::new($event, |session, payload| {
                routes!(@answer session, payload, [$($done)?] [$($argument $(: $type)?),+] $answer)
            }),
        )+];
    };
    (@answer $session:ident, $payload:ident, [done] [$($argument:tt)+] $answer:expr) => {
        routes!(@answer $session, $payload, [] [$($argument)+] async {
            $answer.await.map(|()| Empty {})
        })
    };
    (@answer $session:ident, $payload:ident, [] [$s:ident, $request:ident $(: $type:ty)?] $answer:expr) => {
        answer($session, $payload, |$s: S, $request $(: $type)?| async move { $answer.await })
    };
    (@answer $session:ident, $payload:ident, [] [$s:ident, $place:ident: $type:ty, $request:ident] $answer:expr) => {
        answer_in($session, $payload, |$s: S, $place: $type, $request| async move { $answer.await })
    };
}

routes! {
    "ban:list" => |s, at: GroupRef, request| s.chat().list_bans(s.caller, at.group_id, request);
    "channel:create" => |s, at: GroupRef, request| s.chat().create_channel(s.caller, at.group_id, request);
    "channel:delete" => done |s, at: ChannelRef| s.chat().delete_channel(s.caller, at.channel_id);
    "channel:read" => |s, at: ChannelRef, request| s.chat().mark_read(s.caller, at.channel_id, request);
    "channel:update" => |s, at: ChannelRef, request| s.chat().update_channel(s.caller, at.channel_id, request);
    "direct:open" => |s, request| open_direct(&s, request);
    "group:create" => |s, request| s.chat().create_group(s.caller, request);
    "group:delete" => done |s, at: GroupRef| s.chat().delete_group(s.caller, at.group_id);
    "group:get" => |s, at: GroupRef| s.chat().get_group(s.caller, at.group_id);
    "group:leave" => done |s, at: GroupRef| s.chat().leave_group(s.caller, at.group_id);
    "group:update" => |s, at: GroupRef, request| s.chat().update_group(s.caller, at.group_id, request);
    "invite:accept" => |s, at: InviteRef| s.chat().accept_invite(s.caller, &at.code);
    "invite:create" => |s, at: GroupRef, request| s.chat().create_invite(s.caller, at.group_id, request);
    "invite:delete" => done |s, at: InviteRef| s.chat().delete_invite(s.caller, &at.code);
    "invite:get" => |s, at: InviteRef| s.chat().get_invite(s.caller, &at.code);
    "invite:list" => |s, at: GroupRef| s.chat().list_invites(s.caller, at.group_id);
    "member:ban" => done |s, at: MemberRef, request| s.chat().ban_member(s.caller, at.group_id, at.user_id, request);
    "member:list" => |s, at: GroupRef, request| s.chat().list_members(s.caller, at.group_id, request);
    "member:remove" => done |s, at: MemberRef, request| s.chat().remove_member(s.caller, at.group_id, at.user_id, request);
    "member:unban" => done |s, at: MemberRef| s.chat().unban_member(s.caller, at.group_id, at.user_id);
    "member:update" => |s, at: MemberRef, request| s.chat().update_member(s.caller, at.group_id, at.user_id, request);
    "message:create" => |s, at: ChannelRef, request| create_message(&s, at.channel_id, request);
    "message:delete" => done |s, at: MessageRef| s.chat().delete_message(s.caller, at.channel_id, at.message_id);
    "message:list" => |s, at: ChannelRef, request| s.chat().list_messages(s.caller, at.channel_id, request);
    "message:update" => |s, at: MessageRef, request| s.chat().update_message(s.caller, at.channel_id, at.message_id, request);
    "pin:add" => done |s, at: MessageRef| s.chat().add_pin(s.caller, at.channel_id, at.message_id);
    "pin:list" => |s, at: ChannelRef, request| s.chat().list_pins(s.caller, at.channel_id, request);
    "pin:remove" => done |s, at: MessageRef| s.chat().remove_pin(s.caller, at.channel_id, at.message_id);
    "presence:update" => done |s, request| update_presence(&s, request);
    "presence:watch" => |s, request: WatchPresence| watch_presence(&s, request.user_ids);
    "reaction:add" => done |s, at: ReactionRef| s.chat().add_reaction(s.caller, at.into());
    "reaction:list" => |s, at: ReactionRef, request| s.chat().list_reaction_users(s.caller, at.into(), request);
    "reaction:remove" => done |s, at: ReactionRef| s.chat().remove_reaction(s.caller, at.into());
    "session:sync" => |s, request| s.chat().sync(s.caller, request);
    "settings:get" => |s, _request: Nothing| s.chat().get_settings(s.caller);
    "settings:update" => |s, request| s.chat().update_settings(s.caller, request);
    "typing:start" => done |s, request| s.chat().start_typing(s.caller, request);
    "user:search" => |s, request| s.chat().search_users(s.caller, request);
    "user:update" => |s, request| s.chat().update_user(s.caller, request);
}

/// The route of `event`.
pub fn find(event: &str) -> Option<&'static Route<S>> {
    let index = ROUTES.binary_search_by(|route| route.event.cmp(event)).ok()?;
    Some(&ROUTES[index])
}

/// The ack carries the message as it was serialised for everybody.
async fn create_message(
    s: &SocketSession,
    channel_id: ChannelId,
    request: CreateMessage,
) -> Result<Arc<RawValue>, ChatError> {
    Ok(s.chat().create_message(s.caller, channel_id, request).await?.message)
}

async fn open_direct(s: &SocketSession, request: OpenDirect) -> Result<ChannelView, ChatError> {
    Ok(s.chat().open_direct(s.caller, request).await?.channel)
}

async fn update_presence(s: &SocketSession, request: UpdatePresence) -> Result<(), ChatError> {
    s.ready().await?;
    s.chat().update_presence(s.caller, s.key, request)
}

/// Watches first and looks afterwards, so that no change falls between.
async fn watch_presence(
    s: &SocketSession,
    mut user_ids: Vec<UserId>,
) -> Result<Presences, ChatError> {
    if user_ids.len() > WATCHED_USERS_MAX {
        let message =
            format!("has {} people, at most {WATCHED_USERS_MAX} are allowed", user_ids.len());
        return Err(ChatError::TooLarge { field: "userIds", message: message.into() });
    }
    s.ready().await?;
    user_ids.sort_unstable();
    user_ids.dedup();
    let topics = user_ids.iter().map(|user_id| Topic::Watchers(*user_id));
    let bindings = Bindings::bind(s.shared.bus.clone(), topics).await;
    // A session that is gone watches nobody, and is not there to read the answer.
    let watching = s.shared.fanout.watch(s.key, bindings).await;
    watching.map_err(|_| ChatError::Unavailable)?;
    Ok(s.chat().presences(&user_ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found() {
        for route in &ROUTES {
            assert_eq!(find(route.event).map(|found| found.event), Some(route.event));
        }
        assert!(find("message:destroy").is_none() && find("").is_none());
    }
}
