//! The keys of all that is not of one interface.

use std::str::FromStr;

use toml_edit::Value as Toml;

use super::{Setting, list, one, several, some_list, text};
use crate::document::Parameter;
use crate::network::{rate, traffic};
use crate::ve::VeConfig;
use crate::{GroupName, Over, Publish, Rule, Verdict};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::free(
        Parameter::optional("network.dns", |raw, value| {
            value.set_list(&mut raw.network.dns, str::parse)
        }),
        |config| list(&config.network.dns),
        several(
            "dns",
            "ADDRESS",
            "Name server, repeatable; host: the host's; veld: it knows VEs too",
        ),
    ),
    Setting::free(
        Parameter::optional("network.publish", |raw, value| {
            value.set_list(&mut raw.network.publish, Publish::from_str)
        }),
        |config| some_list(&config.network.publish),
        several(
            "publish",
            "PORT:INNER",
            "Port of the host that leads to one of the VE: [ADDRESS:]80:8080[/udp]",
        ),
    ),
    Setting::free(
        Parameter::optional("network.allow", |raw, value| {
            value.set_list(&mut raw.network.policy.allow, Rule::from_str)
        }),
        |config| some_list(&config.network.policy.allow),
        several(
            "allow",
            "RULE",
            "What may be reached: \"in tcp 80 from 10.0.0.0/8\", \"out udp 53\"",
        ),
    ),
    Setting::free(
        Parameter::optional("network.deny", |raw, value| {
            value.set_list(&mut raw.network.policy.deny, Rule::from_str)
        }),
        |config| some_list(&config.network.policy.deny),
        several("deny", "RULE", "What may not, which is looked at first"),
    ),
    Setting::free(
        Parameter::optional("network.default-in", |raw, value| {
            value.set(&mut raw.network.policy.default_in, Verdict::from_str)
        }),
        |config| unusual(config.network.policy.default_in),
        one(
            "default-in",
            "VERDICT",
            "Other connections to it: allow or deny",
        ),
    ),
    Setting::free(
        Parameter::optional("network.default-out", |raw, value| {
            value.set(&mut raw.network.policy.default_out, Verdict::from_str)
        }),
        |config| unusual(config.network.policy.default_out),
        one(
            "default-out",
            "VERDICT",
            "Other connections from it: allow or deny",
        ),
    ),
    Setting::free(
        Parameter::optional("network.group", |raw, value| {
            value.set_some(&mut raw.network.group, GroupName::from_str)
        }),
        |config| config.network.group.as_ref().and_then(text),
        one(
            "group",
            "GROUP",
            "Group of veld.toml whose policy it has too",
        ),
    ),
    Setting::free(
        Parameter::optional("network.traffic", |raw, value| {
            value.set_some(&mut raw.network.traffic.limit, traffic)
        }),
        |config| config.network.traffic.limit.as_ref().and_then(text),
        one("traffic", "SIZE", "Bytes a month, both ways together"),
    ),
    Setting::free(
        Parameter::optional("network.traffic-over", |raw, value| {
            value.set(&mut raw.network.traffic.over, Over::from_str)
        }),
        over,
        one(
            "traffic-over",
            "WHAT",
            "What becomes of it above that: slow or cut",
        ),
    ),
    Setting::free(
        Parameter::optional("network.traffic-rate", |raw, value| {
            value.set_some(&mut raw.network.traffic.rate, rate)
        }),
        |config| config.network.traffic.rate.as_ref().and_then(text),
        one(
            "traffic-rate",
            "SIZE",
            "Bytes a second when slowed down; 128K unless given",
        ),
    ),
];

fn unusual(verdict: Verdict) -> Option<Toml> {
    (verdict != Verdict::default())
        .then(|| text(&verdict))
        .flatten()
}

fn over(config: &VeConfig) -> Option<Toml> {
    let over = config.network.traffic.over;
    (over != Over::default()).then(|| text(&over)).flatten()
}
