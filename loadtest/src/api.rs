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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// Answers one request per entry of `answers`; the requests' first lines, tokens and bodies come back.
    fn serve(answers: Vec<(&'static str, Value)>) -> (Api, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let answer = |(status, body): (&str, Value)| {
                let (stream, _) = listener.accept().unwrap();
                let request = read_request(&mut BufReader::new(&stream));
                let body = body.to_string();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}", body.len());
                write!(&stream, "{head}\r\nconnection: close\r\n\r\n{body}").unwrap();
                request
            };
            answers.into_iter().map(answer).collect()
        });
        (Api::new(&origin), server)
    }

    fn read_request(reader: &mut impl BufRead) -> String {
        let head: Vec<String> =
            reader.lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        let header = |name: &str| {
            head.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        let mut body = vec![0; header("content-length: ").parse().unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        format!("{} {} {body}", head[0], header("authorization: "))
    }

    #[test]
    fn the_official_channel_is_asked_for_with_the_new_token() {
        let channels = json!([{ "id": "7", "name": "general" }]);
        let groups = json!({ "groups": [
            { "id": "1", "official": false, "channels": [] },
            { "id": "2", "official": true, "channels": channels },
        ] });
        let (api, server) = serve(vec![
            ("201 Created", json!({ "accessToken": "t1", "user": {} })),
            ("200 OK", groups),
        ]);
        let account = api.register("lt0.1").unwrap();
        assert_eq!(api.official_channel(&account).unwrap(), "7");
        let requests = server.join().unwrap();
        assert!(requests[0].starts_with("POST /api/v1/auth/register HTTP/1.1"), "{requests:?}");
        assert!(requests[0].contains(r#""username": "lt0.1""#), "{requests:?}");
        assert_eq!(requests[1].trim(), "GET /api/v1/groups HTTP/1.1 Bearer t1");
    }

    #[test]
    fn a_refusal_names_its_status_and_body() {
        let refusal = json!({ "ok": false, "error": { "code": "rate_limited" } });
        let (api, server) = serve(vec![("429 Too Many Requests", refusal)]);
        let error = api.register("lt0.1").unwrap_err().to_string();
        assert!(error.contains("429") && error.contains("rate_limited"), "{error}");
        server.join().unwrap();
    }
}
