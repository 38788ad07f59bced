//! What holds by now: memberships and whatever else is changed as a whole, as this node reads it from the
//! store when it hears that it has changed.
//!
//! Changes of one thing that two nodes store one after the other may be announced in the other order. Applying
//! what they say would leave somebody who was removed in the group, or the older name on the screens. So an
//! announcement says only what has changed. Each node reads what that is by now, and gives its fan-out that.
//!
//! Of one [`Entity`] one thing is read at a time, after everything that it answers has been heard: what goes
//! out later was read later, in whatever order the announcements came.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::bus::envelope::{Content, Effect, Entity, Envelope, Topic};
use crate::bus::{Delivery, Place};
use crate::chat::settings::SettingsView;
use crate::chat::views::{ChannelView, GroupView, MemberRefView, MemberView};
use crate::chat::{Chat, ChatError, push, to_raw};
use crate::model::channel::{Channel, ChannelKind};
use crate::model::event::Push;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::permission::Permissions;
use crate::model::time_budget::TELLING_READ_MAX;
use crate::telemetry::log_seldom;

/// Reading is tried for so long; then the node begins anew, as after a gap. Longer than publishers wait.
const READ_TIMEOUT: Duration = TELLING_READ_MAX;
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// Announcements that wait for what is read at most; beyond, the node is behind and begins anew.
const WAITING_MAX: usize = 10_000;

/// An announcement, and who waits until it holds at this node.
pub(crate) struct Announcement {
    pub envelope: Arc<Envelope>,
    pub applied: Option<oneshot::Sender<()>>,
}

/// Announcements that wait for what is being read.
#[derive(Default)]
pub struct Readings(Mutex<WaitingAnnouncements>);

#[derive(Default)]
struct WaitingAnnouncements {
    /// One entry for each that is being read.
    by_entity: HashMap<Entity, Vec<Announcement>>,
    count: usize,
}

enum Added {
    /// Nothing was being read of it.
    First,
    Behind,
    TooMany,
}

impl Readings {
    fn add(&self, entity: Entity, announced: Announcement) -> Added {
        let mut waiting = self.0.lock();
        if waiting.count >= WAITING_MAX {
            return Added::TooMany;
        }
        waiting.count += 1;
        let is_first = !waiting.by_entity.contains_key(&entity);
        waiting.by_entity.entry(entity).or_default().push(announced);
        if is_first { Added::First } else { Added::Behind }
    }

    /// Whether everything that was announced has gone on.
    pub fn is_empty(&self) -> bool {
        self.0.lock().by_entity.is_empty()
    }

    /// What the next reading answers. Nothing is being read any more if that is nothing.
    fn take(&self, entity: Entity) -> Vec<Announcement> {
        let mut waiting = self.0.lock();
        let taken = waiting.by_entity.get_mut(&entity).map(std::mem::take).unwrap_or_default();
        if taken.is_empty() {
            waiting.by_entity.remove(&entity);
        }
        waiting.count -= taken.len();
        taken
    }
}

impl Envelope {
    /// What a node has to read before it acts on this.
    pub(crate) fn entity(&self) -> Option<Entity> {
        match (&self.effect, &self.content) {
            (Some(Effect::Membership { user_id, group_id, .. }), _) => {
                Some(Entity::Member(*group_id, *user_id))
            }
            (_, Content::Current { entity, .. }) => Some(*entity),
            _ => None,
        }
    }

    /// Whether it says that somebody is in a group.
    fn lets_in(&self) -> bool {
        matches!(self.effect, Some(Effect::Membership { is_member: true, .. }))
    }
}

/// What was read of an entity.
enum CurrentState {
    Body(Arc<RawValue>),
    /// Each receiver gets it with their own permissions.
    Channel(ChannelKind, Arc<RawValue>),
    Nothing,
}

impl CurrentState {
    fn of(body: &impl serde::Serialize) -> Self {
        Self::Body(to_raw(body))
    }

    /// [`Content::None`] if the push says what is not true any more.
    fn content(&self, name: Push, entity: Entity) -> Content {
        match (self, name, entity) {
            (Self::Nothing, Push::MemberLeft, Entity::Member(group_id, user_id)) => {
                push(name, &MemberRefView { group_id, user_id })
            }
            (Self::Nothing, ..) | (_, Push::MemberLeft, _) => Content::None,
            (Self::Body(body), ..) => Content::Push { push: name, body: body.clone() },
            (Self::Channel(kind, body), ..) => {
                Content::ChannelPush { push: name, kind: *kind, body: body.clone() }
            }
        }
    }
}

impl Chat {
    /// Reads what `entity` is by now, and gives `outlet` what that makes of `announced`.
    pub(crate) fn read_current(
        &self,
        entity: Entity,
        announced: Announcement,
        outlet: mpsc::Sender<Delivery>,
    ) {
        let chat = self.clone();
        match self.readings.add(entity, announced) {
            Added::Behind => {}
            Added::First => {
                self.lifecycle.spawn("current", async move {
                    loop {
                        let batch = chat.readings.take(entity);
                        if batch.is_empty() {
                            return;
                        }
                        chat.answer(entity, batch, &outlet).await;
                    }
                });
            }
            Added::TooMany => {
                self.lifecycle.spawn("current", async move { chat.begin_anew(&outlet).await });
            }
        }
    }

    /// Returns when the fan-out has all of `batch`, and has applied what has to be.
    async fn answer(
        &self,
        entity: Entity,
        batch: Vec<Announcement>,
        outlet: &mpsc::Sender<Delivery>,
    ) {
        let group = match entity {
            Entity::Member(group_id, _) if batch.iter().any(|it| it.envelope.lets_in()) => {
                Some(Topic::Group(group_id))
            }
            _ => None,
        };
        // What is published once it is read arrives.
        if let Some(group) = group
            && let Err(error) = self.bus.bind(group).await
        {
            log_seldom!(warn, %error, "a group is not bound, its sessions will have to sync");
        }
        let reading = self.deliveries_of(entity, batch);
        match tokio::time::timeout(READ_TIMEOUT, reading).await {
            Ok(Some(deliveries)) => hand_over(deliveries, outlet).await,
            Ok(None) | Err(_) => self.begin_anew(outlet).await,
        }
        if let Some(group) = group {
            self.bus.unbind(group);
        }
    }

    async fn begin_anew(&self, outlet: &mpsc::Sender<Delivery>) {
        log_seldom!(error, "what has changed could not be read: beginning anew");
        self.caches.forget_all();
        let _stopping = outlet.send(Delivery::Gap).await;
    }

    /// `None` if the store cannot say.
    async fn deliveries_of(
        &self,
        entity: Entity,
        batch: Vec<Announcement>,
    ) -> Option<Vec<Resolved>> {
        let shows = |it: &Announcement| matches!(it.envelope.content, Content::Current { .. });
        let found = match batch.iter().any(shows) {
            true => insist(|| self.find_current(entity).boxed()).await?,
            false => CurrentState::Nothing,
        };
        let place = match entity {
            Entity::Member(group_id, user_id)
                if batch.iter().any(|it| it.envelope.effect.is_some()) =>
            {
                let read = || self.group_permissions(user_id, group_id).boxed();
                Some(Place { user_id, group_id, permissions: insist(read).await? })
            }
            _ => None,
        };
        let pending = each_once(batch).map(|announced| pending(announced, &found, place));
        Some(pending.collect())
    }

    /// A push of what `entity` is by now, or nothing if that would say what is not true any more.
    pub(crate) async fn read_content(
        &self,
        push: Push,
        entity: Entity,
    ) -> Result<Content, ChatError> {
        Ok(self.find_current(entity).await?.content(push, entity))
    }

    /// Nothing also where what it is about is gone.
    async fn find_current(&self, entity: Entity) -> Result<CurrentState, ChatError> {
        match self.try_find_current(entity).await {
            Err(ChatError::NotFound(_)) => Ok(CurrentState::Nothing),
            found => found,
        }
    }

    async fn try_find_current(&self, entity: Entity) -> Result<CurrentState, ChatError> {
        let found = match entity {
            Entity::Group(group_id) => match self.find_group(group_id).await? {
                Some(group) => {
                    let member_count = self.count_members(group_id).await?;
                    CurrentState::of(&GroupView::new(&group.group, member_count))
                }
                None => CurrentState::Nothing,
            },
            Entity::Channel(channel_id) => self.current_channel(channel_id).await?,
            Entity::ChannelOf(user_id, channel_id) => {
                self.current_channel_of(user_id, channel_id).await?
            }
            Entity::Member(group_id, user_id) => match self.find_member(group_id, user_id).await? {
                Some(member) => {
                    CurrentState::of(&MemberView::new(&member, self.user(user_id).await?))
                }
                None => CurrentState::Nothing,
            },
            Entity::Message(channel_id, message_id) => {
                self.current_message(channel_id, message_id).await?
            }
            Entity::User(user_id) => CurrentState::of(&self.user(user_id).await?),
            Entity::Settings(user_id) => CurrentState::of(&SettingsView {
                settings: self.store.get_settings(user_id).await?,
            }),
            Entity::ReadState(user_id, channel_id) => match self.find_channel(channel_id).await? {
                Some(channel) => CurrentState::of(&self.read_state(user_id, &channel).await?),
                None => CurrentState::Nothing,
            },
        };
        Ok(found)
    }

    async fn current_channel(&self, channel_id: ChannelId) -> Result<CurrentState, ChatError> {
        let Some(channel) = self.find_channel(channel_id).await? else {
            return Ok(CurrentState::Nothing);
        };
        let view = self.channel_view(&channel, None).await?;
        Ok(CurrentState::Channel(channel.kind, to_raw(&view)))
    }

    async fn current_channel_of(
        &self,
        user_id: UserId,
        channel_id: ChannelId,
    ) -> Result<CurrentState, ChatError> {
        let channel = self.find_channel(channel_id).await?;
        let Some((channel, group_id)) = channel.and_then(|it| it.group_id.map(|id| (it, id)))
        else {
            return Ok(CurrentState::Nothing);
        };
        let Some(permissions) = self.group_permissions(user_id, group_id).await? else {
            return Ok(CurrentState::Nothing);
        };
        let permissions = permissions.in_channel(channel.kind);
        Ok(CurrentState::of(&self.channel_view(&channel, Some(permissions)).await?))
    }

    async fn channel_view(
        &self,
        channel: &Channel,
        permissions: Option<Permissions>,
    ) -> Result<ChannelView, ChatError> {
        let last_message_id = self.newest_message(channel.id).await?;
        Ok(ChannelView { last_message_id, ..ChannelView::new(channel, None, permissions) })
    }

    async fn current_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<CurrentState, ChatError> {
        let channel = self.find_channel(channel_id).await?;
        let message = self.store.find_message(channel_id, message_id).await?;
        match (channel, message) {
            (Some(channel), Some(message)) => {
                Ok(CurrentState::of(&self.show_one(&channel, &message, None).await?))
            }
            _ => Ok(CurrentState::Nothing),
        }
    }
}

/// What goes to the fan-out, and who waits until it has applied it.
struct Resolved {
    envelope: Arc<Envelope>,
    place: Option<Place>,
    applied: Option<oneshot::Sender<()>>,
}

/// Leaves out announcements that would make the same push as a later one.
fn each_once(batch: Vec<Announcement>) -> impl Iterator<Item = Announcement> {
    let mut pushes = HashSet::new();
    let mut kept: Vec<Announcement> = batch
        .into_iter()
        .rev()
        .filter(|Announcement { envelope, applied }| match envelope.content {
            Content::Current { push, .. } if envelope.effect.is_none() && applied.is_none() => {
                pushes.insert((push, envelope.topics.clone()))
            }
            _ => true,
        })
        .collect();
    kept.reverse();
    kept.into_iter()
}

fn pending(announced: Announcement, found: &CurrentState, place: Option<Place>) -> Resolved {
    let Announcement { envelope, applied } = announced;
    let place = place.filter(|_| envelope.effect.is_some());
    let is_untrue = place.is_some_and(|place| place.permissions.is_some() != envelope.lets_in());
    let content = match &envelope.content {
        _ if is_untrue => Some(Content::None),
        Content::Current { push, entity } => Some(found.content(*push, *entity)),
        _ => None,
    };
    let envelope = match content {
        Some(content) => Arc::new(Envelope { content, ..(*envelope).clone() }),
        None => envelope,
    };
    Resolved { envelope, place, applied }
}

/// Repeats a read that fails through no fault of its own. `None` if it never will succeed.
async fn insist<'a, T>(read: impl Fn() -> BoxFuture<'a, Result<T, ChatError>>) -> Option<T> {
    loop {
        match read().await {
            Ok(found) => return Some(found),
            Err(error) if error.is_fault() => tokio::time::sleep(RETRY_DELAY).await,
            Err(_) => return None,
        }
    }
}

/// Returns when the fan-out has all of it, and has applied the places.
async fn hand_over(all: Vec<Resolved>, outlet: &mpsc::Sender<Delivery>) {
    for Resolved { envelope, place, applied } in all {
        let Some(place) = place else {
            if outlet.send(Delivery::Envelope { envelope, applied }).await.is_err() {
                return; // The node stops.
            }
            continue;
        };
        let (done, holds) = oneshot::channel();
        let delivery = Delivery::Placed { place, envelope, applied: done };
        if outlet.send(delivery).await.is_err() || holds.await.is_err() {
            return; // The node stops.
        }
        if let Some(applied) = applied {
            let _publisher_may_have_given_up = applied.send(());
        }
    }
}
