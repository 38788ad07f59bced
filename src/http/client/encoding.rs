//! What a request says it takes: content codings and media types, with their weights.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// How a representation is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// From the largest to the smallest: among equal weights the last one wins.
    const BY_SIZE: [Self; 3] = [Self::Identity, Self::Gzip, Self::Brotli];

    /// The name on the wire.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// The encoding that the request wants most of those `available`. Identity if it wants none of them:
/// 406 helps nobody (RFC 9110, section 12.5.3, leaves the choice).
pub fn choose(headers: &HeaderMap, available: impl Fn(Encoding) -> bool) -> Encoding {
    let accepted: Vec<(&str, u16)> = weighted(headers, &ACCEPT_ENCODING).collect();
    let weight = |encoding: Encoding| {
        let of = |token| accepted.iter().find(|(name, _)| name.eq_ignore_ascii_case(token));
        match (of(encoding.token()).or_else(|| of("*")), encoding) {
            (Some(&(_, weight)), _) => weight,
            // Acceptable when nothing is said about it, but less than whatever is asked for.
            (None, Encoding::Identity) => 1,
            (None, _) => 0,
        }
    };
    Encoding::BY_SIZE
        .into_iter()
        .filter(|&encoding| available(encoding) && weight(encoding) > 0)
        .max_by_key(|&encoding| weight(encoding))
        .unwrap_or(Encoding::Identity)
}

/// True for navigations: they name HTML, while scripts and tools take anything (`*/*`).
pub fn accepts_html(headers: &HeaderMap) -> bool {
    weighted(headers, &ACCEPT)
        .any(|(range, weight)| weight > 0 && range.eq_ignore_ascii_case("text/html"))
}

/// The members of a list with their weights in thousandths; other parameters are left out.
fn weighted<'headers>(
    headers: &'headers HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'headers str, u16)> {
    let lists = headers.get_all(name).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let value = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        (value, quality.map_or(1000, thousandths))
    })
}

/// 0 for what is no number: such a client gets what every client understands.
fn thousandths(quality: &str) -> u16 {
    let quality = quality.parse::<f32>().unwrap_or(0.0);
    (quality.clamp(0.0, 1.0) * 1000.0) as u16
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Encoding::{Brotli, Gzip, Identity};
    use super::*;

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        let values = values.iter().map(|value| (name.clone(), HeaderValue::from_static(value)));
        HeaderMap::from_iter(values)
    }

    #[track_caller]
    fn check(accepted: &[&'static str], available: &[Encoding], expected: Encoding) {
        let headers = headers(ACCEPT_ENCODING, accepted);
        let chosen = choose(&headers, |encoding| available.contains(&encoding));
        assert_eq!(chosen, expected, "{accepted:?} of {available:?}");
    }

    #[test]
    fn the_smallest_of_what_is_wanted_most() {
        let all = &[Identity, Gzip, Brotli];
        check(&["gzip, deflate, br, zstd"], all, Brotli);
        check(&["gzip, deflate"], all, Gzip);
        check(&["gzip, br"], &[Identity, Gzip], Gzip);
        check(&["gzip, br"], &[Identity], Identity);
        check(&["br;q=0.5, gzip;q=0.8"], all, Gzip);
        check(&["br; Q=0.5", "GZIP;q=0.4"], all, Brotli);
        check(&["identity, br;q=0.9"], all, Identity);
        check(&["*"], all, Brotli);
        check(&["*;q=0.1, br;q=0"], all, Gzip);
        check(&["gzip;q=0.001"], all, Gzip);
    }

    #[test]
    fn identity_when_nothing_fits() {
        let all = &[Identity, Gzip, Brotli];
        check(&[], all, Identity);
        check(&[""], all, Identity);
        check(&["zstd"], all, Identity);
        check(&["br;q=0, gzip;q=0.000"], all, Identity);
        check(&["*;q=0"], all, Identity);
        check(&["br;q=nonsense"], all, Identity);
        check(&["br;q=NaN"], all, Identity);
    }

    #[test]
    fn a_navigation_names_html() {
        let navigation = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(accepts_html(&headers(ACCEPT, &[navigation])));
        assert!(accepts_html(&headers(ACCEPT, &["application/json", "TEXT/HTML; q=0.1"])));
        for other in ["*/*", "text/html;q=0", "image/avif,image/webp,*/*", "application/json"] {
            assert!(!accepts_html(&headers(ACCEPT, &[other])), "{other}");
        }
        assert!(!accepts_html(&HeaderMap::new()));
    }
}
