// SPDX-License-Identifier: MIT
// A driver as people write them with serialport and its readline parser: it mails, closes the port,
// and opens it again. Usage: mail.js PORT SUBJECT; what the module says goes to standard output.
'use strict'
const { SerialPort, ReadlineParser } = require('serialport')

const [path, subject] = process.argv.slice(2)
const FINAL = /^(OK|ERROR|CONNECT|\+CM[ES] ERROR: .*)$/

class Modem {
  constructor () {
    this.port = new SerialPort({ path, baudRate: 115200, autoOpen: false })
    this.waiting = []
    this.lines = []
    this.port.pipe(new ReadlineParser({ delimiter: '\r\n' })).on('data', line => {
      if (line === '') return
      console.log(line)
      this.lines.push(line)
      this.serve()
    })
    this.port.on('error', error => { throw error })
  }

  // The lines up to the one that `last` matches.
  until (last) {
    return new Promise(resolve => {
      this.waiting.push({ last, resolve })
      this.serve()
    })
  }

  serve () {
    while (this.waiting.length > 0) {
      const { last, resolve } = this.waiting[0]
      const at = this.lines.findIndex(line => last.test(line))
      if (at < 0) return
      this.waiting.shift()
      resolve(this.lines.splice(0, at + 1))
    }
  }

  async command (text, final = 'OK') {
    this.port.write(text + '\r')
    const lines = await this.until(FINAL)
    if (lines[lines.length - 1] !== final) throw new Error(`${text}: ${lines}`)
    return lines.slice(0, -1)
  }

  open () { return call(done => this.port.open(done)) }
  drain () { return call(done => this.port.drain(done)) }
  close () { return call(done => this.port.close(done)) }
}

function call (method) {
  return new Promise((resolve, reject) => method(error => error ? reject(error) : resolve()))
}

async function mail () {
  const modem = new Modem()
  const body = 'Pump 7 is too hot: 93 C.'
  await modem.open()
  await modem.command('ATE0')
  await modem.command('AT+CMEE=2')
  const [imei] = await modem.command('AT+CGSN')
  await modem.command('AT+QICSGP=1,1,"internet","","",1')
  await modem.command('AT+QIACT=1')
  await modem.command('AT+QSMTPCFG="smtpserver","mail.example.com",587')
  await modem.command('AT+QSMTPCFG="ssltype",2')
  await modem.command('AT+QSMTPCFG="account","pump7","secret"')
  await modem.command('AT+QSMTPCFG="sender","Pump 7","pump7@example.com"')
  await modem.command('AT+QSMTPDST=1,1,"alarm@example.com"')
  await modem.command(`AT+QSMTPSUB=0,"${subject} ${imei}"`)
  await modem.command(`AT+QSMTPBODY=0,${body.length},60`, 'CONNECT')
  modem.port.write(body)
  await modem.drain()
  const [count] = await modem.until(FINAL)
  if (count !== `+QSMTPBODY: ${body.length}`) throw new Error(count)
  await modem.command('AT+QSMTPPUT=300')
  const [result] = await modem.until(/^\+QSMTPPUT: /)
  if (result !== '+QSMTPPUT: 0,0') throw new Error(result)
  await modem.close()
}

async function again () {
  const modem = new Modem()
  await modem.open()
  await modem.command('AT+QIDEACT=1')
  await modem.close()
}

mail().then(again).catch(error => {
  console.error(error)
  process.exit(1)
})
