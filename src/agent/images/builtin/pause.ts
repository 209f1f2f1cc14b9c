/**
 * The pause program: what runs as process 1 of every pod sandbox. It blocks SIGINT, SIGTERM and SIGCHLD, then waits for
 * them: the first two end it with 0, the third reaps every child that has ended, so that a pod with a shared process
 * namespace grows no zombies. (Process 1 is not sent a signal it neither handles nor blocks, hence the blocking.)
 *
 * There is no compiler on the hosts this runs on, so the machine code stands here, an instruction a line, and
 * `pauseBinary` puts an ELF header before it. The same source gives the same bytes everywhere.
 */

interface Machine {
  /** `e_machine` of the ELF header. */
  readonly elfMachine: number;
  /** `[hex, assembly]` */
  readonly code: readonly (readonly [string, string])[];
}

const signalSet = '0240010000000000'; // SIGINT (2), SIGTERM (15), SIGCHLD (17): bit n-1 set

const machines: Readonly<Record<string, Machine>> = {
  x64: {
    elfMachine: 62,
    code: [
      ['b80e000000', 'mov eax, 14          ; rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)'],
      ['31ff', 'xor edi, edi'],
      ['488d3552000000', 'lea rsi, [rip+set]'],
      ['31d2', 'xor edx, edx'],
      ['41ba08000000', 'mov r10d, 8'],
      ['0f05', 'syscall'],
      ['b880000000', 'wait: mov eax, 128   ; rt_sigtimedwait(&set, NULL, NULL, 8)'],
      ['488d3d3c000000', 'lea rdi, [rip+set]'],
      ['31f6', 'xor esi, esi'],
      ['31d2', 'xor edx, edx'],
      ['41ba08000000', 'mov r10d, 8'],
      ['0f05', 'syscall'],
      ['83f811', 'cmp eax, 17          ; SIGCHLD'],
      ['740d', 'je reap'],
      ['85c0', 'test eax, eax        ; interrupted'],
      ['78df', 'js wait'],
      ['b83c000000', 'mov eax, 60          ; exit(0)'],
      ['31ff', 'xor edi, edi'],
      ['0f05', 'syscall'],
      ['b83d000000', 'reap: mov eax, 61    ; wait4(-1, NULL, WNOHANG, NULL)'],
      ['bfffffffff', 'mov edi, -1'],
      ['31f6', 'xor esi, esi'],
      ['ba01000000', 'mov edx, 1'],
      ['4531d2', 'xor r10d, r10d'],
      ['0f05', 'syscall'],
      ['85c0', 'test eax, eax'],
      ['7fe6', 'jg reap'],
      ['ebba', 'jmp wait'],
      ['6690', 'nop                  ; align the set to 8'],
      [signalSet, 'set: .quad'],
    ],
  },
  arm64: {
    elfMachine: 183,
    code: [
      ['e81080d2', 'mov x8, #135         ; rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)'],
      ['000080d2', 'mov x0, #0'],
      ['41030010', 'adr x1, set'],
      ['020080d2', 'mov x2, #0'],
      ['030180d2', 'mov x3, #8'],
      ['010000d4', 'svc #0'],
      ['281180d2', 'wait: mov x8, #137   ; rt_sigtimedwait(&set, NULL, NULL, 8)'],
      ['a0020010', 'adr x0, set'],
      ['010080d2', 'mov x1, #0'],
      ['020080d2', 'mov x2, #0'],
      ['030180d2', 'mov x3, #8'],
      ['010000d4', 'svc #0'],
      ['1f440071', 'cmp w0, #17          ; SIGCHLD'],
      ['a0000054', 'b.eq reap'],
      ['00ffff37', 'tbnz w0, #31, wait   ; interrupted'],
      ['a80b80d2', 'mov x8, #93          ; exit(0)'],
      ['000080d2', 'mov x0, #0'],
      ['010000d4', 'svc #0'],
      ['882080d2', 'reap: mov x8, #260   ; wait4(-1, NULL, WNOHANG, NULL)'],
      ['00008092', 'mov x0, #-1'],
      ['010080d2', 'mov x1, #0'],
      ['220080d2', 'mov x2, #1'],
      ['030080d2', 'mov x3, #0'],
      ['010000d4', 'svc #0'],
      ['1f000071', 'cmp w0, #0'],
      ['2cffff54', 'b.gt reap'],
      ['ecffff17', 'b wait'],
      ['1f2003d5', 'nop                  ; align the set to 8'],
      [signalSet, 'set: .quad'],
    ],
  },
};

const loadAddress = 0x400000n;
const elfHeaderBytes = 64;
const programHeaderBytes = 56;

/** The executable for a `process.arch`; throws for one that has no code here. */
export function pauseBinary(arch: string): Buffer {
  const machine = machines[arch];
  if (machine === undefined) throw new Error(`No pause program for "${arch}"; use x64 or arm64, or set --pause-image`);
  const code = Buffer.from(machine.code.map(([hex]) => hex).join(''), 'hex');
  const size = BigInt(elfHeaderBytes + programHeaderBytes + code.length);

  const header = Buffer.alloc(elfHeaderBytes);
  Buffer.from('7f454c46020101', 'hex').copy(header); // 64-bit, little endian, ELF version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine.elfMachine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(loadAddress + BigInt(elfHeaderBytes + programHeaderBytes), 24); // entry
  header.writeBigUInt64LE(BigInt(elfHeaderBytes), 32); // program headers follow at once
  header.writeUInt16LE(elfHeaderBytes, 52);
  header.writeUInt16LE(programHeaderBytes, 54);
  header.writeUInt16LE(1, 56); // one of them

  const segment = Buffer.alloc(programHeaderBytes);
  segment.writeUInt32LE(1, 0); // PT_LOAD
  segment.writeUInt32LE(5, 4); // read, execute
  segment.writeBigUInt64LE(loadAddress, 16);
  segment.writeBigUInt64LE(loadAddress, 24);
  segment.writeBigUInt64LE(size, 32);
  segment.writeBigUInt64LE(size, 40);
  segment.writeBigUInt64LE(0x1000n, 48);
  return Buffer.concat([header, segment, code]);
}
