mod world;
use std::os::fd::AsFd;
use world::*;
#[test]
fn walk() {
    let host = Netns::new();
    host.ip("link set lo up");
    let net = network("10.77.0.0/16", "fd77::/64");
    let e = host.run(|| veld_network::ensure_host(&net));
    println!("ENSURE {e:?}");
    let guest = Netns::new();
    let r = host.run(|| veld_network::attach(guest.as_fd(), &link(1)));
    println!(
        "ATTACH {:?} links={:?} inside={:?} routes={:?}{:?}",
        r.as_ref().map_err(|e| e.to_string()),
        host.ip("-o link").lines().count(),
        guest.ip("-o link").lines().count(),
        host.ip("route"),
        host.ip("-6 route")
    );
    let again = host.run(|| veld_network::ensure_host(&net));
    println!("AGAIN {again:?}");
}
