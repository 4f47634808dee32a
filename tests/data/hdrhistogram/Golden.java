// Makes the golden files of this folder: javac and java, with HdrHistogram 2.2.2 on the class path and TZ=UTC.
import org.HdrHistogram.*;
import java.io.*; import java.nio.*; import java.util.*;
public class Golden {
  static String hex(byte[] b,int n){StringBuilder s=new StringBuilder();for(int i=0;i<n;i++)s.append(String.format("%02x",b[i]));return s.toString();}
  static void show(String name, AbstractHistogram h, int digits) throws Exception {
    ByteBuffer b=ByteBuffer.allocate(h.getNeededByteBufferCapacity());
    int n=h.encodeIntoByteBuffer(b);
    System.out.println("@"+name+" "+hex(b.array(),n));
    ByteBuffer c=ByteBuffer.allocate(h.getNeededByteBufferCapacity());
    int m=h.encodeIntoCompressedByteBuffer(c);
    System.out.println("@"+name+".z "+Base64.getEncoder().encodeToString(Arrays.copyOf(c.array(),m)));
    if(name.equals("huge")||name.equals("counts")) return;
    PrintStream p=new PrintStream(new FileOutputStream("out/"+name+".hgrm"),false,"UTF-8");
    h.outputPercentileDistribution(p,5,1000000.0); p.close();
    p=new PrintStream(new FileOutputStream("out/"+name+".1.hgrm"),false,"UTF-8");
    h.outputPercentileDistribution(p,1,1.0); p.close();
    p=new PrintStream(new FileOutputStream("out/"+name+".csv"),false,"UTF-8");
    h.outputPercentileDistribution(p,5,1000.0,true); p.close();
  }
  public static void main(String[] a) throws Exception {
    new File("out").mkdirs();
    Random r=new Random(7);
    Histogram h=new Histogram(1,3600000000000L,3); show("empty",h,3);
    h.recordValue(0); show("zero",h,3);
    h=new Histogram(3600000000000L,3); for(int i=0;i<10000;i++) h.recordValue((long)Math.exp(r.nextGaussian()+14)); show("log3",h,3);
    h=new Histogram(1000,3600000000000L,2); for(int i=0;i<10000;i++) h.recordValue((long)Math.exp(r.nextGaussian()+14)); show("unit1000",h,2);
    h=new Histogram(1,3600000000000L,5); for(int i=0;i<300;i++) h.recordValue((long)Math.exp(r.nextGaussian()*3+14)); show("log5",h,5);
    h=new Histogram(1,1000000000L,0); for(int i=0;i<300;i++) h.recordValue((long)Math.exp(r.nextGaussian()+14)); show("log0",h,0);
    h=new Histogram(3); for(int i=0;i<300;i++) h.recordValue((long)Math.exp(r.nextGaussian()*3+14)); show("auto",h,3);
    h=new Histogram(1,Long.MAX_VALUE,3); h.recordValueWithCount(5,Long.MAX_VALUE/4); h.recordValueWithCount(Long.MAX_VALUE/2,Long.MAX_VALUE/4);  h.recordValueWithCount(Long.MAX_VALUE,1);show("huge",h,3);
    h=new Histogram(1,3600000000000L,3); h.recordValueWithCount(1,1L<<56); h.recordValueWithCount(2,64); h.recordValueWithCount(3,63); h.recordValueWithCount(5,1);h.recordValueWithCount(8,1L<<61); show("counts",h,3);
    DoubleHistogram d=new DoubleHistogram(1000000,3); for(int i=0;i<300;i++) d.recordValue(Math.exp(r.nextGaussian()-3));
    ByteBuffer b=ByteBuffer.allocate(d.getNeededByteBufferCapacity()); int n=d.encodeIntoByteBuffer(b); System.out.println("@double "+hex(b.array(),n));
    b=ByteBuffer.allocate(d.getNeededByteBufferCapacity()); n=d.encodeIntoCompressedByteBuffer(b,9); System.out.println("@double.z "+Base64.getEncoder().encodeToString(Arrays.copyOf(b.array(),n)));
    PrintStream p=new PrintStream("out/double.hgrm"); d.outputPercentileDistribution(p,1.0); p.close();
    System.out.println("double max "+d.getMaxValue()+" min "+d.getMinValue()+" p50 "+d.getValueAtPercentile(50)+" total "+d.getTotalCount());
    d=new DoubleHistogram(100000000,2); d.recordValue(1e-6); d.recordValue(3.5); d.recordValue(0); 
    b=ByteBuffer.allocate(d.getNeededByteBufferCapacity()); n=d.encodeIntoByteBuffer(b); System.out.println("@double2 "+hex(b.array(),n));
    System.out.println("double2 max "+d.getMaxValue()+" minnz "+d.getMinNonZeroValue()+" total "+d.getTotalCount());
    ConcurrentHistogram ch=new ConcurrentHistogram(1,1000000,2); ch.recordValue(100); ch.recordValue(200); ch.shiftValuesLeft(2); show("shifted",ch,2);
    // a log
    HistogramLogWriter w=new HistogramLogWriter("out/java.hlog");
    w.outputComment("[made by a test]"); w.outputLogFormatVersion(); w.outputStartTime(1441812279474L); w.outputBaseTime(1441812279474L); w.setBaseTime(1441812279474L); w.outputLegend();
    for(int i=0;i<5;i++){ Histogram x=new Histogram(3600000000000L,3); if(i==2) x.setTag("A"); for(int k=0;k<50;k++) x.recordValue((long)Math.exp(r.nextGaussian()+14)); x.setStartTimeStamp(1441812279474L+127+1000*i); x.setEndTimeStamp(1441812279474L+127+1000*i+1000); w.outputIntervalHistogram(x);} 
    DoubleHistogram y=new DoubleHistogram(1000000,3); y.setTag("D"); y.recordValue(0.5); y.setStartTimeStamp(1441812279474L+6127); y.setEndTimeStamp(1441812279474L+7127); w.outputIntervalHistogram(y);
    w.close();
  }
}
