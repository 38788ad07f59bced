//! The folder that the client's build makes, as it is in the binary: each file in the encodings that
//! the build found worth while, with its type, its tag, and how long it may be kept.
//!
//! Nothing is compressed or read from a disk while the server runs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use rust_embed::Embed;
use sha2::{Digest, Sha256};

use super::encoding::{self, Encoding};

/// The folder may be empty or missing: a server without a client has a page that says so.
#[derive(Embed)]
#[folder = "web-client/dist"]
#[allow_missing = true]
struct Built;

const PAGE: &str = "index.html";
const PLACEHOLDER: [(&str, &str); 2] = [
    (PAGE, include_str!("placeholder.html")),
    ("placeholder.css", include_str!("placeholder.css")),
];

/// The build names these by their content, so a name never means anything else.
const NAMED_BY_CONTENT: &str = "assets/";
/// A year in seconds, which caches take as for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Asked about each time, answered with 304: an upgraded server shows at the next visit.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Of the 32 bytes of a SHA-256: enough to tell a few hundred files apart.
const ETAG_BYTES: usize = 12;

/// All files of one build of the client; there is always a page.
pub struct ClientFiles {
    by_path: HashMap<String, ClientFile>,
}

pub struct ClientFile {
    pub content_type: HeaderValue,
    pub cache_control: HeaderValue,
    /// Never what a browser shows or runs by itself.
    pub part_of_a_page: bool,
    identity: Representation,
    gzip: Option<Representation>,
    brotli: Option<Representation>,
}

/// What travels: different bytes have different tags, also for one file.
pub struct Representation {
    pub body: Bytes,
    pub etag: HeaderValue,
}

impl ClientFiles {
    /// Those in this binary.
    pub fn embedded() -> Arc<Self> {
        static EMBEDDED: LazyLock<Arc<ClientFiles>> = LazyLock::new(|| {
            let files = Built::iter().filter_map(|path| {
                let file = Built::get(&path)?;
                let body = match file.data {
                    Cow::Borrowed(body) => Bytes::from_static(body),
                    Cow::Owned(body) => Bytes::from(body),
                };
                Some((path.into_owned(), Representation::new(body, &file.metadata.sha256_hash())))
            });
            Arc::new(ClientFiles::from_representations(files.collect()))
        });
        EMBEDDED.clone()
    }

    /// A build that is not in this binary: paths without a slash in front, and what the files hold.
    pub fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let files = files.into_iter().map(|(path, body)| {
            let sha256 = Sha256::digest(&body).into();
            (path, Representation::new(body, &sha256))
        });
        Self::from_representations(files.collect())
    }

    fn from_representations(mut files: HashMap<String, Representation>) -> Self {
        // What tools leave for themselves (`.gitkeep`, `.vite/`) is nobody's business.
        files.retain(|path, _| !path.split('/').any(|name| name.starts_with('.')));
        if !files.contains_key(PAGE) {
            return Self::placeholder();
        }
        let is_encoded = |path: &String| {
            let plain = path.strip_suffix(".br").or_else(|| path.strip_suffix(".gz"));
            plain.is_some_and(|plain| files.contains_key(plain))
        };
        let plain: Vec<String> = files.keys().filter(|path| !is_encoded(path)).cloned().collect();
        let by_path = plain.into_iter().filter_map(|path| {
            let file = ClientFile {
                content_type: content_type(&path),
                cache_control: cache_control(&path),
                part_of_a_page: is_part_of_a_page(&path),
                gzip: files.remove(&format!("{path}.gz")),
                brotli: files.remove(&format!("{path}.br")),
                identity: files.remove(&path)?,
            };
            Some((path, file))
        });
        Self { by_path: by_path.collect() }
    }

    /// Says how to build the client.
    fn placeholder() -> Self {
        let file = |(path, text): (&str, &'static str)| {
            (path.to_owned(), Bytes::from_static(text.as_bytes()))
        };
        Self::new(PLACEHOLDER.map(file))
    }

    /// `path` has no slash in front.
    pub fn find(&self, path: &str) -> Option<&ClientFile> {
        self.by_path.get(path)
    }

    /// What every address of the client shows at first.
    pub fn page(&self) -> &ClientFile {
        self.find(PAGE).expect("files without a page are replaced by the placeholder")
    }
}

impl ClientFile {
    /// What suits a request with these headers.
    pub fn choose(&self, headers: &HeaderMap) -> (Encoding, &Representation) {
        let encoding = encoding::choose(headers, |encoding| self.in_encoding(encoding).is_some());
        (encoding, self.in_encoding(encoding).unwrap_or(&self.identity))
    }

    fn in_encoding(&self, encoding: Encoding) -> Option<&Representation> {
        match encoding {
            Encoding::Identity => Some(&self.identity),
            Encoding::Gzip => self.gzip.as_ref(),
            Encoding::Brotli => self.brotli.as_ref(),
        }
    }
}

impl Representation {
    fn new(body: Bytes, sha256: &[u8; 32]) -> Self {
        let hex: String = sha256[..ETAG_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::try_from(format!("\"{hex}\"")).expect("hexadecimal digits");
        Self { body, etag }
    }
}

fn cache_control(path: &str) -> HeaderValue {
    if path.starts_with(NAMED_BY_CONTENT) { FOR_EVER } else { ASK_AGAIN }
}

/// Scripts and styles, but no picture (an SVG may be looked at alone). A worker has the policies that
/// come with its script: there is none among these files, and one would have to be an exception here.
fn is_part_of_a_page(path: &str) -> bool {
    path.starts_with(NAMED_BY_CONTENT) && (path.ends_with(".js") || path.ends_with(".css"))
}

/// `nosniff` makes browsers refuse scripts and styles of another type than these.
fn content_type(path: &str) -> HeaderValue {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    HeaderValue::from_static(match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> ClientFiles {
        // The body is the path, so that all tags differ.
        ClientFiles::new(
            paths.iter().map(|path| ((*path).to_owned(), Bytes::from((*path).to_owned()))),
        )
    }

    #[test]
    fn encoded_files_belong_to_what_they_encode() {
        let files =
            files(&["index.html", "assets/a.js", "assets/a.js.br", "data.gz", ".vite/x.js"]);
        let script = files.find("assets/a.js").unwrap();
        assert_eq!(script.in_encoding(Encoding::Brotli).unwrap().body, "assets/a.js.br");
        assert!(script.in_encoding(Encoding::Gzip).is_none());
        assert_eq!(script.in_encoding(Encoding::Identity).unwrap().body, "assets/a.js");
        assert!(files.find("assets/a.js.br").is_none());
        assert!(files.find("data.gz").is_some(), "encodes nothing, so it is a file");
        assert!(files.find(".vite/x.js").is_none());
    }

    #[test]
    fn only_what_is_named_by_its_content_is_kept() {
        let files = files(&["index.html", "assets/a.js", "sw.js"]);
        assert_eq!(files.page().cache_control, ASK_AGAIN);
        assert_eq!(files.find("sw.js").unwrap().cache_control, ASK_AGAIN);
        assert_eq!(files.find("assets/a.js").unwrap().cache_control, FOR_EVER);
    }

    #[test]
    fn only_scripts_and_styles_of_the_page_are_parts_of_it() {
        let page = "index.html";
        for path in ["assets/a.js", "assets/a.css"] {
            assert!(files(&[page, path]).find(path).unwrap().part_of_a_page, "{path}");
        }
        for path in [page, "sw.js", "assets/icons.svg", "assets/a.html", "a.css"] {
            assert!(!files(&[page, path]).find(path).unwrap().part_of_a_page, "{path}");
        }
    }

    #[test]
    fn a_build_that_broke_off_is_none() {
        let files = files(&["assets/a.js"]);
        assert!(files.find("assets/a.js").is_none());
        let page = &files.page().in_encoding(Encoding::Identity).unwrap().body;
        assert!(String::from_utf8_lossy(page).contains("make run"));
        assert!(files.find("placeholder.css").is_some());
    }
}
