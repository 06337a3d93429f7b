//! QEMU's machine `mps2-an385`: a Cortex-M3 at 25 MHz with a LAN9118. No board to buy, but a network
//! of its own: the host is at 10.0.2.2, and sees the firmware as a client on its loopback.
//!
//! - [`executor`]: sleeps by WFI.
//! - [`host`]: settings, exit status and the log, by semihosting.
//! - [`interrupts`]: the vector table.
//! - [`kicker`]: keeps QEMU's own main loop awake.
//! - [`lan9118`]: the network chip.
//! - [`registers`]: volatile access to the devices.
//! - [`time`]: the clock and the alarm of embassy-time.

mod executor;
mod host;
mod interrupts;
mod kicker;
mod lan9118;
mod registers;
mod time;

use embassy_executor::Spawner;
use embassy_net::{Ipv4Address, Ipv4Cidr, Runner, StaticConfigV4};
use static_cell::{ConstStaticCell, StaticCell};

use self::lan9118::Lan9118;
use super::{Board, Sockets};

pub use self::executor::Executor;
pub use self::host::exit;

/// Starts the machine. `net=dhcp` asks QEMU for the address that the firmware otherwise takes;
/// `dns=10.0.2.99` asks another name server than QEMU.
pub async fn init(spawner: Spawner) -> Board {
    time::start();
    kicker::start();

    let args = host::args();
    let seed = args.parse("seed", host::unforeseen());
    let config = match args.get("net") {
        Some("dhcp") => embassy_net::Config::dhcpv4(Default::default()),
        _ => embassy_net::Config::ipv4_static(address(args.parse("dns", DNS))),
    };

    static SOCKETS: StaticCell<Sockets> = StaticCell::new();
    static FRAMES: ConstStaticCell<lan9118::Frames> = ConstStaticCell::new(lan9118::Frames::new());
    let chip = Lan9118::start(FRAMES.take());
    let (stack, runner) = embassy_net::new(chip, config, SOCKETS.init(Sockets::new()), seed);
    spawner.spawn(defmt::unwrap!(network(runner)));
    Board { stack, args, seed }
}

/// QEMU, who asks the name server of the host.
const DNS: Ipv4Address = Ipv4Address::new(10, 0, 2, 3);

/// What QEMU's user network expects its first guest to have.
fn address(dns: Ipv4Address) -> StaticConfigV4 {
    let mut dns_servers = <_>::default();
    extend(&mut dns_servers, dns);
    StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
        dns_servers,
    }
}

/// The list is of a type that embassy-net does not name.
fn extend<T>(list: &mut impl Extend<T>, item: T) {
    list.extend([item]);
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Lan9118>) -> ! {
    runner.run().await
}
