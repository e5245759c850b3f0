//! `veld create`

use veld_config::Resources;
use veld_supervisor::{Host, Wish};

use crate::cli::Create;
use crate::output;
use crate::report::Failed;

pub(crate) fn run(host: &Host, create: Create) -> Result<(), Failed> {
    let name = create.name;
    let wish = Wish {
        template: create.template,
        hostname: create.hostname,
        resources: Resources {
            ram: create.ram,
            swap: create.swap,
            cpus: create.cpus,
            cpuunits: create.cpuunits,
            cpulimit: create.cpulimit,
            processes: create.processes,
        },
        mode: create.network,
        ip: create.ip,
        dns: create.dns,
        onboot: create.onboot,
        bootorder: create.bootorder,
        restart: create.restart,
        init: create.init,
        getty: create.getty,
        devices: create.device,
    };
    let done = veld_supervisor::create(host, name.clone(), &wish)?;
    output::print(&format!("{name}: {}\n", done.what))
}
