//! What the browser is told about the client's files: what the page may load and do, and that other
//! sites get none of it. `nosniff` and the referrer policy are on every answer, see `observe`.

use http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use http::{HeaderMap, HeaderValue};

/// Nothing from another host but pictures (an avatar is any `https` address), no inline script or style.
///
/// `'self'` covers WebSockets in every browser that runs the client (Safari since 16). Trusted types:
/// a string becomes markup only in Svelte's compiled templates (`svelte-trusted-html`), and the address
/// of a worker only where the client registers its own (`vibetalk-worker`).
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' https: blob: data:; \
     connect-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types svelte-trusted-html vibetalk-worker",
);

/// What a chat of text never asks for. Only features that browsers know: others are reported as errors.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
     microphone=(), midi=(), payment=(), usb=()",
);

/// No other site shares the page's process or holds its window.
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `part_of_a_page`: the policies of that page hold. To say them with each script again costs a first
/// visit on a slow line as much as a small script does.
pub fn apply(headers: &mut HeaderMap, part_of_a_page: bool) {
    headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
    if part_of_a_page {
        return;
    }
    headers.insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
}
