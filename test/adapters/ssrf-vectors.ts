/** Addresses that no webhook may reach, by the range they stand for. */
export const DENIED_V4: ReadonlyArray<readonly [string, string]> = [
  ['this network', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['private 10/8', '10.0.0.1'],
  ['private 10/8', '10.255.255.255'],
  ['carrier-grade NAT', '100.64.0.1'],
  ['Alibaba metadata', '100.100.100.200'],
  ['carrier-grade NAT', '100.127.255.254'],
  ['loopback', '127.0.0.1'],
  ['loopback', '127.255.255.254'],
  ['link-local', '169.254.0.1'],
  ['AWS, GCP and Azure metadata', '169.254.169.254'],
  ['ECS metadata', '169.254.170.2'],
  ['private 172.16/12', '172.16.0.1'],
  ['private 172.16/12', '172.31.255.255'],
  ['IETF protocols', '192.0.0.1'],
  ['Oracle metadata', '192.0.0.192'],
  ['TEST-NET-1', '192.0.2.1'],
  ['6to4 relay', '192.88.99.1'],
  ['private 192.168/16', '192.168.0.1'],
  ['private 192.168/16', '192.168.255.255'],
  ['benchmarking', '198.18.0.1'],
  ['benchmarking', '198.19.255.255'],
  ['TEST-NET-2', '198.51.100.7'],
  ['TEST-NET-3', '203.0.113.9'],
  ['multicast', '224.0.0.1'],
  ['multicast', '239.255.255.250'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['Azure platform', '168.63.129.16'],
];

export const DENIED_V6: ReadonlyArray<readonly [string, string]> = [
  ['unspecified', '::'],
  ['loopback', '::1'],
  ['unique local', 'fc00::1'],
  ['AWS metadata', 'fd00:ec2::254'],
  ['GCP metadata', 'fd20:ce::254'],
  ['link-local', 'fe80::1'],
  ['site-local', 'fec0::1'],
  ['multicast', 'ff02::1'],
  ['discard', '100::1'],
  ['dummy prefix', '100:0:0:1::1'],
  ['documentation', '2001:db8::1'],
  ['documentation', '3fff::1'],
  ['segment routing', '5f00::1'],
  ['benchmarking', '2001:2::1'],
  ['ORCHID', '2001:10::1'],
  ['ORCHID v2', '2001:20::1'],
  ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['never given out', '4000::1'],
  ['never given out', '8000::1'],
  ['stateless translation', '::ffff:0:127.0.0.1'],
  ['compatible with a public one', '::8.8.8.8'],
  ['compatible with a public one', '::808:808'],
  ['NAT64 of a public one', '64:ff9b::8.8.8.8'],
  ['6to4 of a public one', '2002:808:808::1'],
];

export const ALLOWED: ReadonlyArray<string> = [
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '100.63.255.255',
  '100.128.0.1',
  '172.15.255.255',
  '172.32.0.1',
  '192.167.1.1',
  '223.255.255.254',
  '168.63.129.17',
  '2606:4700:4700::1111',
  '2a00:1450:4001:82a::200e',
  '::ffff:8.8.8.8',
];

const octets = (ip: string): ReadonlyArray<number> => ip.split('.').map(Number);
const asNumber = (ip: string): number => octets(ip).reduce((sum, octet) => sum * 256 + octet, 0);
const hex = (octet: number): string => octet.toString(16).padStart(2, '0');
const hexPairs = (ip: string): string => {
  const [a = 0, b = 0, c = 0, d = 0] = octets(ip);
  return `${hex(a)}${hex(b)}:${hex(c)}${hex(d)}`;
};
const fullWidth = (ip: string): string =>
  ip.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));

/** An IPv4 address in the spellings that the URL standard folds into it. */
export const spellingsOfV4 = (ip: string): ReadonlyArray<string> => [
  ip,
  `${ip}.`,
  String(asNumber(ip)),
  `0x${asNumber(ip).toString(16)}`,
  octets(ip)
    .map((octet) => `0${octet.toString(8)}`)
    .join('.'),
  octets(ip)
    .map((octet) => `0x${octet.toString(16)}`)
    .join('.'),
  `${octets(ip)[0]}.${asNumber(ip) % 2 ** 24}`,
  fullWidth(ip),
  ip.replaceAll('.', '。'),
  ip.replace(/\d/g, (digit) => `%3${digit}`),
];

/** IPv6 addresses that carry an IPv4 one: mapped, compatible, NAT64, local NAT64, 6to4. */
export const carriersOfV4 = (ip: string): ReadonlyArray<string> => [
  `::ffff:${ip}`,
  `::ffff:${hexPairs(ip)}`,
  `::${ip}`,
  `64:ff9b::${ip}`,
  `64:ff9b:1::${ip}`,
  `2002:${hexPairs(ip)}::1`,
];

/** Hosts for the place between `http://` and the path: every range in every spelling. */
export const DENIED_HOSTS: ReadonlyArray<string> = [
  ...DENIED_V4.flatMap(([, ip]) => [...spellingsOfV4(ip), ...carriersOfV4(ip).map((v6) => `[${v6}]`)]),
  ...DENIED_V6.flatMap(([, ip]) => [`[${ip}]`, `[${ip.toUpperCase()}]`]),
];

export const DENIED_ADDRESSES: ReadonlyArray<string> = [
  ...DENIED_V4.flatMap(([, ip]) => [ip, ...carriersOfV4(ip)]),
  ...DENIED_V6.map(([, ip]) => ip),
  'fe80::1%eth0',
];
