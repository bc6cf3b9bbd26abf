//! The page's files: compressed when they were built, cached by their hashed names.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::config::LeptosOptions;
use tower::{Service, ServiceExt as _};
use tower_http::services::ServeDir;

use super::{Web, access::Site, pages};

/// Serves the files of the site folder. A missing one is a 404 with a page that says so, never another page's HTML.
pub fn service(
    web: &Arc<Web>,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let options = LeptosOptions::builder()
        .output_name("maru")
        .site_root(web.config.site.to_string_lossy())
        .build();
    // Leptos's own service: it finds the files that cargo-leptos compressed beside the plain ones.
    let files = leptos_axum::site_pkg_dir_service(&options).append_index_html_on_directories(false);
    let web = Arc::clone(web);
    tower::service_fn(move |request: Request| {
        let (files, web) = (files.clone(), Arc::clone(&web));
        async move { Ok(answer(&web, files, request).await) }
    })
}

async fn answer(web: &Web, files: ServeDir, request: Request) -> Response {
    let hashed = web.hashed_files && request.uri().path().starts_with("/pkg/");
    let (headers, site) = (
        request.headers().clone(),
        request.extensions().get::<Site>().cloned(),
    );
    // ServeDir never fails: what goes wrong is a status.
    let response = match files.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => match error {},
    };
    if response.status() == StatusCode::NOT_FOUND {
        return not_found(web, &headers, site);
    }
    cached(response, hashed)
}

fn cached(mut response: Response, forever: bool) -> Response {
    let policy = if forever {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn not_found(web: &Web, headers: &HeaderMap, site: Option<Site>) -> Response {
    let wants_html = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    match site {
        Some(site) if wants_html => pages::not_found(web, headers, &site),
        _ => (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response(),
    }
}
