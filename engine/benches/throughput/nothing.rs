//! A warp handler that reads the whole body and does nothing: as fast as HTTP alone can be here.

use anyhow::Result;
use tokio::net::TcpListener;
use warp::Filter as _;

/// Serves until it is killed.
///
/// # Errors
///
/// When it cannot listen.
#[expect(clippy::disallowed_methods, reason = "the baseline reads whatever comes")]
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"listen\": \"{}\"}}", listener.local_addr()?);
    let routes = warp::post().and(warp::body::bytes()).map(|_| warp::http::StatusCode::OK);
    warp::serve(routes).incoming(listener).run().await;
    Ok(())
}
