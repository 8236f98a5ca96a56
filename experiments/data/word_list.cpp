#include <sstream>

#include "experiments/data/vocabulary.h"

namespace nvlm::experiments {
namespace {

constexpr const char* kEnglish = R"(
able about above absent accept access account across action active actual adapt add address adjust
adult advance advice affect after again age agency agent agree ahead air airport alarm album alert
alive all allow almost alone along also alter amount analysis anchor ancient and angle animal annual
answer any apart apple apply area argue arm army around arrive art article ask aspect asset assign
assist attach attack attempt attend audit author autumn average avoid award aware away axis
baby back bad bag bake balance ball band bank bar base basic basin basket batch bath battery bay
beach beam bean bear beat beauty because become bed beef before begin behind believe bell belong
below belt bench bend benefit berry best better between beyond big bill bind bird birth bit black
blade blank blast blend block blood bloom blow blue board boat body boil bold bone bonus book border
boss both bottle bottom bowl box brain branch brand brass brave bread break breath brick bridge brief
bright bring broad bronze brother brown brush budget build bulk burn bus bush business busy butter
button buy by cabin cable cake call calm camera camp canal candle cap capital captain carbon card
care cargo carpet carry case cash castle cat catch cattle cause ceiling cell cement center central
century cereal certain chain chair chalk change channel chapter charge chart chase cheap check cheese
chemical chest chicken chief child choice choose church circle citizen city civil claim class clay
clean clear clerk clever client climate climb clinic clock close cloth cloud club coal coast coat
code coffee coin cold collect college color column combine come comfort command comment common
company compare compete complete complex compose concern concert conduct confirm connect consider
constant consume contact contain content contest context continue contract control convert cook cool
copper copy core corn corner correct cost cotton council count country county couple course court
cover cow craft crane cream create credit crew crime crop cross crowd crown crude cruise cry crystal
culture cup current curve custom customer cut cycle daily dairy damage dance danger dark data date
daughter dawn day dead deal dear debate debt decade decide deck decline deep deer defence define
degree delay deliver demand dense deny depart depend deposit depth derive desert design desk detail
detect develop device diamond diet differ digital dinner direct dirt discount discover discuss disease
dish display distance district divide dock doctor document dog dollar domain door double doubt down
draft dragon drain draw dream dress drift drill drink drive drop dry due during dust duty each ear
early earn earth east easy eat echo edge edit editor effect effort egg eight either elect element
eleven else embark emerge empire employ empty enable end enemy energy engine enjoy enough enter entire
entry equal equip error escape estate even evening event ever every exact exam example except exchange
excite exercise exhaust exist exit expand expect expense expert explain explore export express extend
extra eye fabric face fact factor factory fail fair faith fall false family famous fan far farm
farmer fashion fast fat father fault favor feather feature federal fee feed feel female fence ferry
few fiber field fifteen fifty fight figure file fill film filter final finance find fine finger finish
fire firm first fish fit five fix flag flame flat fleet flesh flight float flood floor flour flow
flower fluid fly focus fold folk follow food foot for force forecast foreign forest forget fork form
formal format former formula fort forty forward found four frame free freight frequent fresh friend
from front frost frozen fruit fuel full function fund funny fur future gain galaxy gallery game gap
garage garden garlic gas gate gather gauge gear general gentle gesture giant gift girl give glad glass
global glory glove glue goal goat gold golf good govern grade grain grand grant grape graph grass
gravel gravity great green grid ground group grow growth guard guess guest guide guitar gulf habit
half hall hammer hand handle hang happen happy harbor hard harvest hat have hazard head health hear
heart heat heavy height help hen herb here hero hidden high hill hire history hold hole holiday hollow
home honest honey hood hook hope horizon horn horse hospital host hotel hour house huge human humid
hundred hunt hurry husband ice idea ideal image impact import improve inch include income increase
index indoor industry infant inform initial inner input insect inside insist inspect install instant
insure intend interest internal into invest invite iron island issue item ivory jacket jam jar jazz
jewel job join joint joke journal journey joy judge juice jump jungle junior jury just keen keep
kettle key kick kid kind king kitchen kite knee knife knock knot know label labor lack ladder lake
lamb lamp land lane language large laser last late laugh launch law lawn lawyer layer lead leaf league
lean learn lease least leather leave lecture left leg legal legend lemon lend length lens less lesson
letter level lever liberty library license lid life lift light like limb limit line linen link lion
liquid list listen little live load loan local location lock log logic lonely long look loop loose
lose loss lost lot loud love low loyal luck lumber lunch lung machine magic magnet mail main major
make male mall manage manner manual many map maple marble march margin marine mark market marriage
mask mass master match material matter maximum maybe mayor meal mean measure meat medal media medical
medium meet melody melt member memory mental menu merchant mercy merge merit metal meter method middle
midnight mild mile military milk mill mind mine mineral minimum minor mint minute mirror mission mist
mix mobile mode model modern modest moment money monitor month moon moral more morning mortar mother
motion motor mountain mouse mouth move much mud multiple muscle museum music must mutual myth nail
name narrow nation native natural nature near neat neck need needle neighbor nerve nest net network
never new news next nice night nine noble noise none noon normal north nose note nothing notice novel
now number nurse nut oak object observe obtain occupy occur ocean offer office often oil old olive
once one onion only open opera operate opinion option orange orbit orchard order ordinary organ origin
other outcome outer output outside oven over own owner oxygen pace pack package page paint pair palace
pale palm panel paper parade parcel parent park part partner party pass past path patient pattern
pause pay peace peak pear pen penalty people pepper percent perfect perform perhaps period permit
person phase phone photo phrase piano pick picture piece pier pilot pine pink pioneer pipe pitch place
plain plan planet plant plastic plate platform play please plenty plot plum pocket poem poet point
polar pole police policy polish polite pond pool poor popular port portion position positive possible
post pot potato pottery pound powder power practice praise prefer premium prepare present press
pressure pretty prevent price pride primary prince print prior prison private prize problem process
produce product profile profit program project promise proof proper property propose protect proud
prove provide public pull pulse pump pupil purchase pure purple purpose push quality quantity quarter
queen query quest question queue quick quiet quilt quite quota rabbit race radar radio rail rain raise
ranch random range rank rapid rare rate rather ratio raw reach react read ready real reason rebuild
receipt receive recent recipe record recover red reduce refer reform refund region regular reject
relate relax release relief rely remain remark remedy remind remote remove rent repair repeat replace
reply report request rescue research reserve resin resist resort resource respond rest result retail
retire return reveal revenue review reward rhythm ribbon rice rich ride ridge right rigid ring ripe
rise risk rival river road roast robot rock rocket role roll roof room root rope rose rotate rough
round route routine row royal rubber rule run rural rush rust sad saddle safe sail salad salary sale
salmon salt same sample sand satin sauce save scale scan scarce scene schedule scheme school science
scope score scout screen script sea search season seat second secret section sector secure see seed
seek segment select sell senior sense sentence separate series serious serve service session set
settle seven several severe shade shadow shaft shake shallow shape share sharp sheep sheet shelf shell
shelter shield shift shine ship shirt shock shoe shop shore short shoulder show shower side sight sign
signal silent silk silver similar simple since sing single sink sister site six size skill skin skirt
sky sleep slice slide slight slope slow small smart smell smile smoke smooth snack snow soap social
soft soil solar solid solution solve some son song soon sort soul sound soup source south space spare
speak special speech speed spell spend spice spin spirit split sponsor spoon sport spot spray spread
spring square stable stadium staff stage stair stamp stand star start state station status stay steady
steam steel steep stem step stick still stock stomach stone stop storage store storm story stove
straight strange straw stream street strength stress strict strike string strip strong structure
student studio study style subject submit suburb subway success sudden sugar suggest suit summer
summit sun supply support sure surface surgery surplus surprise survey sweet swim swing switch symbol
system table tail take talent talk tall tank tape target task taste tax tea teach team technical
temple ten tenant tender tennis term test text textile thank theater theme theory there thick thin
thing think third thirty thousand thread three throat through throw thumb ticket tide tiger tight tile
timber time tin tiny tip tire tissue title toast tobacco today toe together tomato tone tongue tool
tooth top topic torch total touch tour towel tower town toy track trade tradition traffic trail train
transfer travel tray treat tree trend trial tribe trick trip tropical truck true trunk trust truth try
tube tunnel turbine turn twelve twenty twice twin two type typical ugly umbrella uncle under uniform
union unique unit unity until update upgrade upper upset urban urge useful user usual vacant vacuum
valid valley value valve van vapor variety various vast vector vehicle velvet vendor venture verb
verify version vessel veteran victory video view village vinegar violin visit visual vital vivid voice
volcano volume vote voyage wage wagon wait walk wall want warm warning wash waste watch water wave wax
way wealth weapon wear weather web wedding week weight welcome well west wet whale wheat wheel when
where white whole wide width wife wild will win wind window wine wing winter wire wise wish with
within witness wolf woman wonder wood wool word work worker world worth wrap write wrong yard year
yellow yes yesterday yet yield young youth zero zinc zone
)";

constexpr const char* kHeadings = R"(
Name Date Year Price Total Amount Quantity Qty Unit Units Code ID No. Number Item Type Kind Class
Group Region Country City State District County Area Status Result Score Rank Rate Ratio Share Change
Growth Mean Median Max Min Range Error Sum Count Cost Budget Sales Revenue Profit Income Tax Fee
Balance Account Order Product Model Version Size Width Height Length Depth Weight Volume Speed Power
Energy Time Start End Duration Day Month Quarter Period Age Sex Sample Test Method Source Target
Value Level Grade Limit Remarks Notes Comment Owner Author Title Team Player Points Wins Losses Games
Dose Treatment Control Male Female Urban Rural Population Households Persons Staff Students School
Species Material Colour Origin Category Description Parameter Symbol Property Temp. Pressure Density
)";

std::vector<std::string> split_words(const char* text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

const std::vector<std::string>& english_words() {
  static const std::vector<std::string> words = split_words(kEnglish);
  return words;
}

const std::vector<std::string>& heading_words() {
  static const std::vector<std::string> words = split_words(kHeadings);
  return words;
}

}  // namespace nvlm::experiments
