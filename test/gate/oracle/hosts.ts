/** One host, and the texts by which some real program comes to it. */
export interface HostPlace {
  readonly host: string;
  /** What a list says of it. */
  readonly patterns: readonly string[];
  /** As a browser takes them (WHATWG URL): `new URL` says the same of each. */
  readonly urls: readonly string[];
  /** Without a scheme, or with another one: curl, git, ssh, resolvers. */
  readonly others: readonly string[];
}

export const HOST_PLACES: readonly HostPlace[] = [
  {
    host: 'evil.com',
    patterns: ['evil.com'],
    urls: [
      ...[
        'http://evil.com',
        'https://evil.com/',
        'HTTP://EVIL.COM/x',
        'https://evil.com:443/',
        'https://evil.com:8443/x?y#z',
        'wss://evil.com/',
      ],
      ...[
        'http:evil.com',
        'http:/evil.com',
        'http:///evil.com',
        'http:////evil.com/x',
        'http:\\\\evil.com',
        'http:/\\evil.com',
        'https:evil.com/x',
      ],
      ...[
        'https://user@evil.com/',
        'https://user:pass@evil.com/',
        'https://good.com@evil.com/',
        'https://good.com:80@evil.com/',
        'https://a@b@evil.com/',
      ],
      ...[
        'https://evil.com\\@good.com/',
        'https://evil.com#@good.com/',
        'https://evil.com?@good.com/',
        ' https://evil.com/',
        'ht\ttps://ev\nil.com/',
      ],
      ...[
        'https://%65vil.com/',
        'https://evil%2ecom/',
        'https://%45%56il.com/',
        'https://\uff45vil.com/',
        'https://evil\u3002com/',
        'https://e\u00advil.com/',
      ],
      ...[
        'ftp://evil.com/x',
        'https://EVIL.com:0443/',
        'https://:@evil.com/',
        'ws:evil.com',
        '\u0001https://evil.com/',
      ],
    ],
    others: [
      ...[
        'evil.com',
        'EVIL.com',
        'evil.com.',
        'evil.com:443',
        'evil.com/x',
        'evil.com:8080/x',
        '//evil.com',
        '//evil.com/x',
        '\\\\evil.com\\x',
      ],
      ...[
        'https://evil.com./',
        'user@evil.com',
        'git@evil.com:o/r.git',
        'ssh://git@evil.com/o/r',
        'ssh://git@evil.com:2222/o/r',
        'git+ssh://git@evil.com/o/r',
      ],
      ...[
        'git+https://evil.com/o/r',
        'gopher://evil.com/1',
        'ldap://evil.com',
        'tcp://evil.com:25',
        'view-source:https://evil.com/',
        'blob:https://evil.com/1',
      ],
      ...[
        's3://evil.com/x',
        'redis://:p@evil.com:6379/0',
        'user:pass@evil.com:80',
        'evil.com?x',
        'evil.com#x',
        'git://evil.com/r',
        'evil.com:o/r.git',
      ],
      ...[
        'feed:https://evil.com/',
        'file://evil.com/share/x',
        'smb://evil.com/share',
        'jdbc:postgresql://evil.com:5432/x',
        'url:https://evil.com/',
      ],
      ...[
        'https:evil.com:443/x',
        '///evil.com/x',
        '/\\evil.com',
        '\t//evil.com',
        'ev\til.com',
        '%65vil.com',
        'evil%2Ecom',
        'postgres://u:p@evil.com/db',
      ],
    ],
  },
  {
    host: '10.1.2.3',
    patterns: ['10.1.2.3', '10.0.0.0/8', 'private'],
    urls: [
      ...[
        'http://10.1.2.3/',
        'http://10.1.2.3:80/',
        'http://167838211/',
        'http://0xa010203/',
        'http://0x0A.0x01.0x02.0x03/',
        'http://012.1.2.3/',
      ],
      ...[
        'http://10.1.515/',
        'http://10.66051/',
        'http://012.0x1.2.03/',
        'http://0xa.66051',
        'http://10.1.2.3./',
        'http://01200201003/',
        'http:10.1.2.3',
      ],
      ...[
        'http://u@167838211/',
        'http://%31%30.1.2.3/',
        'http://\uff11\uff10.1.2.3/',
        'http://10\u30021\u30022\u30023/',
        'ws://0xA010203:9/',
      ],
    ],
    others: [
      ...[
        '10.1.2.3',
        '10.1.2.3:22',
        '10.1.2.3/x',
        'u@10.1.2.3',
        'u@10.1.2.3:x',
        'ssh://10.1.2.3',
        '//10.1.2.3/x',
        '0xa010203',
        '167838211',
        '10.66051',
      ],
      ...[
        'http://[::ffff:10.1.2.3]/',
        'http://[::ffff:a01:203]/',
        'http://[0:0:0:0:0:ffff:a01:203]/',
        'http://[::10.1.2.3]/',
        'http://[64:ff9b::10.1.2.3]/',
      ],
      ...[
        'http://[64:ff9b::a01:203]:80/',
        'http://[2002:a01:203::1]/',
        'http://[::ffff:0:10.1.2.3]/',
        '[::ffff:10.1.2.3]',
        '[::ffff:10.1.2.3]:22',
        '::ffff:10.1.2.3',
      ],
      ...[
        'ssh://[::ffff:a01:203]/',
        '012.1.2.3',
        '10.1.2.3.',
        'redis://167838211:6379',
        'ssh://u@[64:ff9b::a01:203]:22/x',
        '[::FFFF:A01:203]',
      ],
    ],
  },
  {
    host: 'xn--bcher-kva.example',
    patterns: ['b\u00fccher.example', 'xn--bcher-kva.example', '*.example', 'B\u00dcCHER.example'],
    urls: [
      ...[
        'https://b\u00fccher.example/',
        'https://B\u00dcCHER.example/',
        'https://xn--bcher-kva.example/',
        'https://XN--BCHER-KVA.example/',
      ],
      ...[
        'https://bu\u0308cher.example/',
        'https://b%C3%BCcher.example/',
        'https://\uff42\u00fccher.example/',
        'https://b\u00fccher\u3002example/',
        'https:b\u00fccher.example',
      ],
    ],
    others: [
      'b\u00fccher.example',
      'xn--bcher-kva.example',
      'B\u00dcCHER.EXAMPLE.',
      'b\u00fccher.example:80',
      'u@b\u00fccher.example:x',
      'ssh://b\u00fccher.example/',
    ],
  },
  {
    host: '[fd00::1]',
    patterns: ['"fd00::1"'.replaceAll('"', ''), 'private', 'fc00::/7'],
    urls: [
      'http://[fd00::1]/',
      'http://[FD00:0::1]:80/',
      'http://[fd00:0:0:0:0:0:0:1]/',
      'http://u@[fd00::0.0.0.1]/',
      'http:[fd00::1]',
    ],
    others: [
      '[fd00::1]',
      'fd00::1',
      '[fd00::1]:22',
      'ssh://[fd00::1]/',
      'u@[fd00::1]:x',
      'FD00:0:0::1',
      '//[fd00::1]/x',
    ],
  },
  {
    host: 'localhost',
    patterns: ['loopback', 'localhost'],
    urls: [
      'http://localhost/',
      'http://LOCALHOST:3000/',
      'http:localhost',
      'https://u@localhost/',
      'http://loc%61lhost/',
      'ws:/localhost',
    ],
    others: [
      'localhost',
      'localhost:3000',
      'localhost.',
      'http://localhost./',
      'u@localhost:x',
      'redis://localhost',
      '//localhost/x',
    ],
  },
];

/** What a browser makes of a URL; undefined for none. */
export function browsed(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
