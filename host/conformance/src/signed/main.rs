//! An issuer of access tokens, and a way to a gateway that takes them: whatever comes by this way shows one. The suites have
//! nothing to show of their own. Prints its URL, which is the issuer's too; reads the gateway's from its first line of input,
//! and ends with its input.

mod forward;
mod issuer;

use std::io::Write as _;

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
};

use crate::{forward::Way, issuer::Issuer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let issuer = Issuer::new(&url)?;
    let mut out = std::io::stdout();
    writeln!(out, "{url}")?;
    out.flush()?;
    let served = async {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let gateway = lines.next_line().await?.context("nobody says where the gateway is")?;
        let way = Way::to(&gateway, issuer.clone())?;
        let router = issuer.router().merge(way.router());
        tokio::select! {
            served = axum::serve(listener, router) => served?,
            _ = lines.next_line() => {}
        }
        anyhow::Ok(())
    };
    served.await
}
