//! VibeTalk's HTTP API, as far as load tests prepare accounts and groups with it. Blocking, one request at a time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub struct Api {
    base: String,
    agent: ureq::Agent,
}

/// A registered person. The access token lives 15 minutes, which bounds preparing, not running: sockets outlive it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub access_token: String,
}

#[derive(Deserialize)]
pub struct Group {
    pub id: String,
    #[serde(default)]
    pub official: bool,
    pub channels: Vec<Channel>,
}

#[derive(Deserialize)]
pub struct Channel {
    pub id: String,
    pub name: String,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Invite {
    code: String,
}

/// A registration waits for a password hash and a store write; ten seconds of it mean a stuck server.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl Api {
    pub fn new(origin: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(REQUEST_TIMEOUT))
            .http_status_as_error(false)
            .build();
        Self { base: format!("{origin}/api/v1"), agent: config.into() }
    }

    pub fn register(&self, username: &str) -> Result<Account> {
        let password = format!("{username}-password");
        self.post("auth/register", None, &json!({ "username": username, "password": password }))
    }

    /// `general` of the group that everybody is in.
    pub fn official_channel(&self, account: &Account) -> Result<String> {
        let url = format!("{}/groups", self.base);
        let response = self.agent.get(&url).header("authorization", bearer(account)).call();
        let Groups { groups } = read("GET groups", response)?;
        let official = groups.iter().find(|group| group.official).context("no official group")?;
        official.general()
    }

    pub fn create_group(&self, owner: &Account, name: &str) -> Result<Group> {
        self.post("groups", Some(owner), &json!({ "name": name }))
    }

    /// Makes `members` members of the owner's group, through one invite.
    pub fn invite(&self, owner: &Account, group: &Group, members: &[Account]) -> Result<()> {
        let path = format!("groups/{}/invites", group.id);
        let invite: Invite = self.post(&path, Some(owner), &json!({}))?;
        for member in members {
            let path = format!("invites/{}/accept", invite.code);
            let _joined: Value = self.post(&path, Some(member), &json!({}))?;
        }
        Ok(())
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        by: Option<&Account>,
        body: &Value,
    ) -> Result<T> {
        let mut request = self.agent.post(format!("{}/{path}", self.base));
        if let Some(account) = by {
            request = request.header("authorization", bearer(account));
        }
        read(path, request.send_json(body))
    }
}

impl Group {
    pub fn general(&self) -> Result<String> {
        let general = self.channels.iter().find(|channel| channel.name == "general");
        Ok(general.context("no channel `general`")?.id.clone())
    }
}

fn bearer(account: &Account) -> String {
    format!("Bearer {}", account.access_token)
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn read<T: DeserializeOwned>(what: &str, answer: Answer) -> Result<T> {
    let mut response = answer.with_context(|| what.to_owned())?;
    let status = response.status();
    let body = response.body_mut().read_to_string()?;
    ensure!(status.is_success(), "{what}: {status} {body}");
    serde_json::from_str(&body).with_context(|| format!("{what}: unexpected answer {body}"))
}
